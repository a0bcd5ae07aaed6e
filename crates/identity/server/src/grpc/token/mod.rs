//! `TokenService`.

mod get_jwks;
mod issue_token;

use bailiwick_proto::identity::v1::{self as pb, token_service_server::TokenService};
use bailiwick_rpc::later;
use tonic::{Request, Response, Status, async_trait};

use super::Handlers;

#[async_trait]
impl TokenService for Handlers {
    async fn issue_token(
        &self,
        request: Request<pb::IssueTokenRequest>,
    ) -> Result<Response<pb::IssueTokenResponse>, Status> {
        issue_token::issue_token(self, request).await
    }

    async fn get_jwks(
        &self,
        request: Request<pb::GetJwksRequest>,
    ) -> Result<Response<pb::GetJwksResponse>, Status> {
        get_jwks::get_jwks(self, request).await
    }

    async fn introspect(
        &self,
        request: Request<pb::IntrospectRequest>,
    ) -> Result<Response<pb::IntrospectResponse>, Status> {
        Err(later(&request))
    }
}
