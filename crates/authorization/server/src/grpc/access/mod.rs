//! What the other services ask and tell.

mod check_caller;
mod check_service_role;
mod close_scope;
mod close_service_account;
mod close_user;
mod move_scope;

use bailiwick_proto::authorization::v1::{self as pb, access_service_server::AccessService};

use bailiwick_rpc::Fields;
use bailiwick_types::SourceVersion;

use super::Api;

/// The longest epoch, in characters.
const EPOCH: usize = 256;

/// The version that a change will have in the service that asks for it.
fn version(fields: &mut Fields, epoch: &str, version: u64) -> Option<SourceVersion> {
    let epoch = fields.text("epoch", epoch, EPOCH)?;
    Some(SourceVersion::new(epoch, version))
}

bailiwick_rpc::serve! {
    Api: AccessService {}
    close_scope(CloseScopeRequest) -> CloseScopeResponse;
    move_scope(MoveScopeRequest) -> MoveScopeResponse;
    close_user(CloseUserRequest) -> CloseUserResponse;
    close_service_account(CloseServiceAccountRequest) -> CloseServiceAccountResponse;
    check_caller(CheckCallerRequest) -> CheckCallerResponse;
    check_service_role(CheckServiceRoleRequest) -> CheckServiceRoleResponse;
}
