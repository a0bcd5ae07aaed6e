//! Metadata of the authorization server (RFC 8414) and its key set (RFC 7517).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bailiwick_identity_core::{Identity, token::get_jwks};
use bailiwick_rpc::Chain;
use serde_json::json;

use super::{INTROSPECTION_PATH, JWKS_PATH, REVOCATION_PATH, TOKEN_PATH};

/// How service accounts authenticate themselves.
const WITH_SECRET: [&str; 2] = ["client_secret_basic", "client_secret_post"];

pub(super) async fn metadata(State(identity): State<Arc<Identity>>) -> Response {
    let issuer = &identity.issuer.name;
    let base = issuer.trim_end_matches('/');
    let body = json!({
        "issuer": issuer,
        "token_endpoint": format!("{base}{TOKEN_PATH}"),
        "jwks_uri": format!("{base}{JWKS_PATH}"),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": WITH_SECRET,
        "introspection_endpoint": format!("{base}{INTROSPECTION_PATH}"),
        "introspection_endpoint_auth_methods_supported": WITH_SECRET,
        "revocation_endpoint": format!("{base}{REVOCATION_PATH}"),
        // Users have no secret of a client: their refresh token is proof enough.
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "access_token_signing_alg_values_supported": ["EdDSA"],
    });
    ([(header::CACHE_CONTROL, "public, max-age=3600")], Json(body)).into_response()
}

pub(super) async fn jwks(State(identity): State<Arc<Identity>>) -> Response {
    match get_jwks(&identity).await {
        Ok(jwks) => {
            // Shorter than the time for which a new key is published before it signs.
            let headers = [
                (header::CONTENT_TYPE, "application/jwk-set+json"),
                (header::CACHE_CONTROL, "public, max-age=300"),
            ];
            (headers, jwks).into_response()
        }
        Err(error) => {
            tracing::error!(error = %Chain(&error), "failed to read the key set");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
