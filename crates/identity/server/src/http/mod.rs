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

/// Issues an access token for client credentials (RFC 6749, section 4.4).
const TOKEN_PATH: &str = "/oauth2/token";
/// Tells what a token says and whether it is good (RFC 7662).
const INTROSPECTION_PATH: &str = "/oauth2/introspect";
/// Revokes a token before its time (RFC 7009).
const REVOCATION_PATH: &str = "/oauth2/revoke";
/// The public keys of access tokens (RFC 7517).
const JWKS_PATH: &str = "/.well-known/jwks.json";
/// The metadata of the authorization server (RFC 8414).
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
