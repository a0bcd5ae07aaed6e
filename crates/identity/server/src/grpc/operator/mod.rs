//! `OperatorService`.

mod grant_operator;
mod revoke_operator;

use bailiwick_proto::identity::v1::{self as pb, operator_service_server::OperatorService};

use super::Api;

bailiwick_rpc::serve! {
    Api: OperatorService {}
    grant_operator(GrantOperatorRequest) -> GrantOperatorResponse;
    revoke_operator(RevokeOperatorRequest) -> RevokeOperatorResponse;
}
