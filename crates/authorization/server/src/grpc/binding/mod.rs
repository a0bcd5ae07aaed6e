//! Role bindings.

mod assign_role;
mod copy_permissions;
mod list_bindings;
mod recover_ownership;
mod revoke_role;
mod transfer_ownership;

use bailiwick_proto::authorization::v1::{self as pb, binding_service_server::BindingService};

#[cfg(any(test, feature = "probe"))]
pub(super) use self::{assign_role::read as read_assign, revoke_role::read as read_revoke};
use super::Api;

/// The longest name of a role.
const ROLE: usize = 100;

bailiwick_rpc::serve! {
    Api: BindingService {}
    assign_role(AssignRoleRequest) -> AssignRoleResponse;
    revoke_role(RevokeRoleRequest) -> RevokeRoleResponse;
    list_bindings(ListBindingsRequest) -> ListBindingsResponse;
    transfer_ownership(TransferOwnershipRequest) -> TransferOwnershipResponse;
    recover_ownership(RecoverOwnershipRequest) -> RecoverOwnershipResponse;
    copy_permissions(CopyPermissionsRequest) -> CopyPermissionsResponse;
}
