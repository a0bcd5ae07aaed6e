//! `suspend_account`: suspends an account.

use super::prelude::*;

arguments! { pub(super) struct SuspendAccount in account {
    account: AccountName = need("account"),
} }

request! { SuspendAccount(self, call) = tenancy.account.suspend_account(SuspendAccountRequest {
    account: call.account_id(),
}) }
