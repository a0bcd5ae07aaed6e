//! The claims of access tokens.

use serde::{Deserialize, Serialize};

/// The claims of an access token (RFC 9068): identity writes them, every service reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer of the deployment.
    pub iss: String,
    /// The audience: `bailiwick`, or that of a product.
    pub aud: String,
    /// The subject: `user:user_…` or `service:svc_…`.
    pub sub: String,
    /// The session, for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The account that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acct: Option<String>,
    /// The client that it was issued to: `bailiwick` for sessions of users, or the id of a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// When the user proved itself, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How well the user proved itself: `aal1` with a password, `aal2` with a second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// How it proved itself (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// Before when it must not be used, in seconds since 1970. The suite's own tokens do not carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// A unique id.
    pub jti: String,
}

impl AccessClaims {
    /// The audience of tokens for the suite itself.
    pub const AUDIENCE: &'static str = "bailiwick";
    /// The client of tokens that users get by signing in: the suite itself.
    pub const OWN_CLIENT: &'static str = "bailiwick";
    /// The type in the header of such tokens (RFC 9068 section 2.1).
    pub const TYPE: &'static str = "at+jwt";
}
