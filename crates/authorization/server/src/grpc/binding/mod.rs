//! Role bindings.

pub(crate) mod assign_role;
mod copy_permissions;
mod list_bindings;
mod recover_ownership;
pub(crate) mod revoke_role;
mod transfer_ownership;

use bailiwick_proto::authorization::v1::{self as pb, binding_service_server::BindingService};

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
