//! `remove_from_group`: removes a user or group from a group.

use super::prelude::*;

arguments! { pub(super) struct RemoveFromGroup in group {
    group: GroupName = need("group"),
    member: Holder = need("user"),
} }

request! { RemoveFromGroup(self, call) = authorization.group.remove_group_member(RemoveGroupMemberRequest {
    account: call.account_id(),
    group: call.names.id(&self.group),
    member: call.names.holder(&self.member),
    validate_only: false,
}) }
