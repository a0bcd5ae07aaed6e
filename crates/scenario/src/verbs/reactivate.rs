//! `reactivate`: reactivates a suspended member.

use super::prelude::*;

arguments! { pub(super) struct Reactivate in account {
    user: UserName = need("user"),
    account: AccountName = need("account"),
} }

request! { Reactivate(self, call) = authorization.member.reactivate_member(ReactivateMemberRequest {
    account: call.account_id(),
    user: call.names.user_id(&self.user),
    validate_only: false,
}) }
