//! What the other services ask and tell.

mod check_caller;
mod close_scope;
mod close_user;

use bailiwick_proto::authorization::v1::{self as pb, access_service_server::AccessService};

use super::Api;

bailiwick_rpc::serve! {
    Api: AccessService {}
    close_scope(CloseScopeRequest) -> CloseScopeResponse;
    close_user(CloseUserRequest) -> CloseUserResponse;
    check_caller(CheckCallerRequest) -> CheckCallerResponse;
}
