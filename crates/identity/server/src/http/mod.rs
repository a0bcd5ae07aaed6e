//! The HTTP endpoints: tokens, introspection, revocation, the key set, the metadata.

mod client;
mod inspect;
mod metadata;
mod token;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use bailiwick_identity_core::Identity;

const TOKEN_PATH: &str = "/oauth2/token";
const INTROSPECTION_PATH: &str = "/oauth2/introspect";
const REVOCATION_PATH: &str = "/oauth2/revoke";
const JWKS_PATH: &str = "/.well-known/jwks.json";
const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
/// A request to the token endpoint has some hundred bytes.
const LARGEST_BODY: usize = 16 * 1024;

/// The routes.
pub(crate) fn router(identity: Arc<Identity>) -> Router {
    Router::new()
        .route(TOKEN_PATH, post(token::issue))
        .route(INTROSPECTION_PATH, post(inspect::introspect))
        .route(REVOCATION_PATH, post(inspect::revoke))
        .route(JWKS_PATH, get(metadata::jwks))
        .route(METADATA_PATH, get(metadata::metadata))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(identity)
}
