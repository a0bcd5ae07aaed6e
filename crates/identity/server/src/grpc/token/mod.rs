//! `TokenService`.

mod get_jwks;
mod introspect;
mod issue_token;
mod revoke_token;

use bailiwick_proto::identity::v1::{self as pb, token_service_server::TokenService};

use super::Api;

bailiwick_rpc::serve! {
    Api: TokenService {}
    issue_token(IssueTokenRequest) -> IssueTokenResponse;
    get_jwks(GetJwksRequest) -> GetJwksResponse;
    introspect(IntrospectRequest) -> IntrospectResponse;
    revoke_token(RevokeTokenRequest) -> RevokeTokenResponse;
}
