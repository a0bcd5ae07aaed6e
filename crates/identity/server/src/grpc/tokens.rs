//! `TokenService`.

use bailiwick_identity_core::use_case::{get_jwks, issue_token};
use bailiwick_proto::identity::v1::{self as pb, token_service_server::TokenService};
use bailiwick_rpc::{Context, IntoStatus, Target, later, wire::timestamp};
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status, async_trait};

use super::{Handlers, parse};

#[async_trait]
impl TokenService for Handlers {
    async fn issue_token(
        &self,
        request: Request<pb::IssueTokenRequest>,
    ) -> Result<Response<pb::IssueTokenResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = parse::issue_token(request.into_inner())?;
        self.guard.authorize_any(&context, Target::none()).await?;
        let token = issue_token::run(&self.identity, &command)
            .await
            .map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::IssueTokenResponse {
            access_token: token.text.expose_secret().to_owned(),
            expire_time: Some(timestamp(token.expires)),
        }))
    }

    async fn get_jwks(
        &self,
        request: Request<pb::GetJwksRequest>,
    ) -> Result<Response<pb::GetJwksResponse>, Status> {
        let context = Context::of(&request)?.clone();
        self.guard.authorize_any(&context, Target::none()).await?;
        let jwks = get_jwks::run(&self.identity)
            .await
            .map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::GetJwksResponse { jwks }))
    }

    async fn introspect(
        &self,
        request: Request<pb::IntrospectRequest>,
    ) -> Result<Response<pb::IntrospectResponse>, Status> {
        Err(later(&request))
    }
}
