//! `SessionService`.

mod consume_step_up;

use bailiwick_proto::identity::v1::{self as pb, session_service_server::SessionService};

use super::Api;

bailiwick_rpc::serve! {
    Api: SessionService {}
    consume_step_up(ConsumeStepUpRequest) -> ConsumeStepUpResponse;
    !list_sessions(ListSessionsRequest) -> ListSessionsResponse;
    !revoke_session(RevokeSessionRequest) -> RevokeSessionResponse;
    !revoke_all_sessions(RevokeAllSessionsRequest) -> RevokeAllSessionsResponse;
}
