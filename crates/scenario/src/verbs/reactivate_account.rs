//! `reactivate_account`: reactivates a suspended account.

use super::prelude::*;

arguments! { pub(super) struct ReactivateAccount in account {
    account: AccountName = need("account"),
} }

request! { ReactivateAccount(self, call) = tenancy.account.reactivate_account(ReactivateAccountRequest {
    account: call.account_id(),
}) }
