//! `add_to_group`: adds a user or group to a group.

use super::prelude::*;

arguments! { pub(super) struct AddToGroup in group {
    group: GroupName = need("group"),
    member: Holder = need("user"),
} }

request! { AddToGroup(self, call) = authorization.group.add_group_member(AddGroupMemberRequest {
    account: call.account_id(),
    group: call.names.id(&self.group),
    member: call.names.holder(&self.member),
    validate_only: false,
}) }
