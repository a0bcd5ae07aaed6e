//! How clients authenticate themselves at the HTTP endpoints (RFC 6749 section 2.3.1), and how these refuse.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bailiwick_identity_core::{
    attempt::ClientNetwork,
    token::issue::{self, Command},
};
use bailiwick_rpc::Chain;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde_json::json;

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Refused {
    InvalidRequest(&'static str),
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    InvalidClient { basic: bool },
    TooMany { wait: Duration },
    Failed,
}

/// A client with the way in which it shows its secret.
pub(super) struct Client {
    pub(super) command: Command,
    basic: bool,
}

impl Client {
    /// Reads the client of a request: by header or by form, not by both. Without a secret only one that
    /// `may_be_public` is read.
    pub(super) fn read(
        headers: &HeaderMap,
        form: (Option<String>, Option<SecretString>),
        network: ClientNetwork,
        may_be_public: impl FnOnce(&str) -> bool,
    ) -> Result<Self, Refused> {
        let (form_id, form_secret) = form;
        let mut all = headers.get_all(header::AUTHORIZATION).iter();
        let header = all.next();
        if all.next().is_some() {
            return Err(Refused::InvalidRequest("there must be one Authorization header"));
        }
        let (client_id, client_secret) = match (header, form_secret) {
            (Some(_), Some(_)) => {
                return Err(Refused::InvalidRequest(
                    "the client must use one authentication method",
                ));
            }
            (Some(header), None) => read_basic(header).ok_or(Refused::InvalidClient { basic: true })?,
            (None, Some(secret)) => {
                let id = form_id
                    .clone()
                    .ok_or(Refused::InvalidRequest("client_id is required"))?;
                (id, secret)
            }
            (None, None) => match form_id.clone().filter(|id| may_be_public(id)) {
                Some(id) => (id, SecretString::from("")),
                None => return Err(Refused::InvalidClient { basic: false }),
            },
        };
        if form_id.is_some_and(|id| id != client_id) {
            return Err(Refused::InvalidRequest(
                "client_id differs from the Authorization header",
            ));
        }
        Ok(Self {
            command: Command {
                client_id,
                client_secret,
                network,
            },
            basic: header.is_some(),
        })
    }
    /// Why the client is refused.
    pub(super) fn refused(&self, error: &issue::Error) -> Refused {
        match error {
            issue::Error::Wrong | issue::Error::Operator => Refused::InvalidClient { basic: self.basic },
            issue::Error::Throttled(throttled) => Refused::TooMany { wait: throttled.wait },
            error => failed(error),
        }
    }
}

/// Logs a fault of ours.
pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Refused {
    tracing::error!(error = %Chain(error), "a token endpoint failed");
    Refused::Failed
}

/// `Basic base64(id:secret)`. Form encoding changes no character of our ids and secrets.
fn read_basic(header: &HeaderValue) -> Option<(String, SecretString)> {
    let (scheme, coded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), SecretString::from(secret)))
}

pub(super) fn refuse(refused: &Refused) -> Response {
    let (status, error, description) = match refused {
        Refused::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", *why),
        Refused::UnsupportedGrantType => (
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "the grant type must be client_credentials",
        ),
        Refused::InvalidScope => (
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            "there are no scopes: what a service account may do are its roles",
        ),
        Refused::InvalidTarget => (
            StatusCode::BAD_REQUEST,
            "invalid_target",
            "tokens are issued for the suite alone: leave `resource` out, or name the issuer",
        ),
        Refused::InvalidClient { .. } => (
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "wrong client id or client secret",
        ),
        Refused::TooMany { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "invalid_client",
            "too many wrong client secrets, or too many tokens revoked; retry later",
        ),
        Refused::Failed => (
            StatusCode::SERVICE_UNAVAILABLE,
            "server_error",
            "tokens are temporarily unavailable",
        ),
    };
    let body = Json(json!({ "error": error, "error_description": description }));
    let mut response = (status, body).into_response();
    if let Refused::InvalidClient { basic: true } = refused {
        let challenge = HeaderValue::from_static("Basic realm=\"bailiwick\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Refused::TooMany { wait } = refused {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    unstored(response)
}

/// Tokens must not be cached (RFC 6749 section 5.1).
pub(super) fn unstored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
