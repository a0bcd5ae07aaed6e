//! `SessionService`.

use bailiwick_identity_core::use_case::consume_step_up;
use bailiwick_proto::identity::v1::{self as pb, session_service_server::SessionService};
use bailiwick_rpc::{Context, IntoStatus, Target, later};
use bailiwick_types::SessionId;
use tonic::{Request, Response, Status, async_trait};

use super::{Handlers, parse};

#[async_trait]
impl SessionService for Handlers {
    async fn consume_step_up(
        &self,
        request: Request<pb::ConsumeStepUpRequest>,
    ) -> Result<Response<pb::ConsumeStepUpResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let session: SessionId = parse::only("session", &request.get_ref().session, str::parse)?;
        self.guard.authorize_any(&context, Target::none()).await?;
        consume_step_up::run(&self.identity, session)
            .await
            .map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::ConsumeStepUpResponse {}))
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
