//! `settings`: changes settings of an account.

use super::prelude::*;

arguments! { pub(super) struct Settings in account {
    account: AccountName = need("account"),
    values: Json = rest(),
} }

request! { Settings(self, call) = tenancy.settings.update_settings(UpdateSettingsRequest {
    account: call.account_id(),
    values: Some(call.names.values(&self.values)),
    etag: String::new(),
}) }
