//! `TokenService`.

mod get_jwks;
mod issue_token;

use bailiwick_proto::identity::v1::{self as pb, token_service_server::TokenService};

use super::Api;

bailiwick_rpc::serve! {
    Api: TokenService {}
    issue_token(IssueTokenRequest) -> IssueTokenResponse;
    get_jwks(GetJwksRequest) -> GetJwksResponse;
    !introspect(IntrospectRequest) -> IntrospectResponse;
}
