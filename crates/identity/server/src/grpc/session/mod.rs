//! `SessionService`.

mod consume_step_up;

use bailiwick_proto::identity::v1::{self as pb, session_service_server::SessionService};
use bailiwick_rpc::later;
use tonic::{Request, Response, Status, async_trait};

use super::Handlers;

#[async_trait]
impl SessionService for Handlers {
    async fn consume_step_up(
        &self,
        request: Request<pb::ConsumeStepUpRequest>,
    ) -> Result<Response<pb::ConsumeStepUpResponse>, Status> {
        consume_step_up::consume_step_up(self, request).await
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        Err(later(&request))
    }

    async fn revoke_session(
        &self,
        request: Request<pb::RevokeSessionRequest>,
    ) -> Result<Response<pb::RevokeSessionResponse>, Status> {
        Err(later(&request))
    }

    async fn revoke_all_sessions(
        &self,
        request: Request<pb::RevokeAllSessionsRequest>,
    ) -> Result<Response<pb::RevokeAllSessionsResponse>, Status> {
        Err(later(&request))
    }
}
