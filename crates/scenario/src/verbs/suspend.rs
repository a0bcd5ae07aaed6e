//! `suspend`: suspends a member.

use super::prelude::*;

arguments! { pub(super) struct Suspend in account {
    user: UserName = need("user"),
    account: AccountName = need("account"),
} }

request! { Suspend(self, call) = authorization.member.suspend_member(SuspendMemberRequest {
    account: call.account_id(),
    user: call.names.user_id(&self.user),
    validate_only: false,
}) }
