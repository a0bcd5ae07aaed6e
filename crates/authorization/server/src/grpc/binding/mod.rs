//! Role bindings.

pub(crate) mod assign_role;
mod copy_permissions;
mod list_bindings;
mod recover_ownership;
pub(crate) mod revoke_role;
mod transfer_ownership;

use bailiwick_proto::authorization::v1::{self as pb, binding_service_server::BindingService};

use super::{Api, prelude::Fields};

/// The longest name of a role.
const ROLE: usize = 100;
/// The longest key of a binding.
const KEY: usize = 100;

/// Reads the key of a binding; empty where none is named.
fn key(fields: &mut Fields, text: &str) -> Option<Option<String>> {
    let key = fields.short("key", text, KEY)?;
    Some(Some(key).filter(|key| !key.is_empty()))
}

bailiwick_rpc::serve! {
    Api: BindingService {}
    assign_role(AssignRoleRequest) -> AssignRoleResponse;
    revoke_role(RevokeRoleRequest) -> RevokeRoleResponse;
    list_bindings(ListBindingsRequest) -> ListBindingsResponse;
    transfer_ownership(TransferOwnershipRequest) -> TransferOwnershipResponse;
    recover_ownership(RecoverOwnershipRequest) -> RecoverOwnershipResponse;
    copy_permissions(CopyPermissionsRequest) -> CopyPermissionsResponse;
}
