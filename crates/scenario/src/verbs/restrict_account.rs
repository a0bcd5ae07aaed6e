//! `restrict_account`: restricts an account.

use super::prelude::*;

arguments! { pub(super) struct RestrictAccount in account {
    account: AccountName = need("account"),
} }

request! { RestrictAccount(self, call) = tenancy.account.restrict_account(RestrictAccountRequest {
    account: call.account_id(),
}) }
