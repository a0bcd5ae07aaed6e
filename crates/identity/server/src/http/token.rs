//! The token endpoint: client credentials (RFC 6749 sections 2.3.1, 4.4 and 5).

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Form, Json,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bailiwick_identity_core::{
    Identity,
    attempt::ClientNetwork,
    token::{
        issue as issue_token,
        issue::{self, Command},
    },
};
use bailiwick_rpc::{Chain, ClientAddress};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

/// The form. Unknown parameters are ignored (RFC 6749 section 3.2), repeated ones are refused.
#[derive(Debug, Deserialize)]
pub(super) struct TokenForm {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
}

/// Why no token is issued.
#[derive(Debug)]
enum Refused {
    InvalidRequest(&'static str),
    UnsupportedGrantType,
    InvalidClient { basic: bool },
    TooMany { wait: Duration },
    Failed,
}

pub(super) async fn issue(
    State(identity): State<Arc<Identity>>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Response {
    let network = ClientNetwork::from(client.and_then(|Extension(ClientAddress(client))| client));
    match answer(&identity, network, &headers, form).await {
        Ok(response) => response,
        Err(refused) => refuse(&refused),
    }
}

async fn answer(
    identity: &Identity,
    network: ClientNetwork,
    headers: &HeaderMap,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Result<Response, Refused> {
    let Ok(Form(form)) = form else {
        return Err(Refused::InvalidRequest(
            "the body must be a form without repeated parameters",
        ));
    };
    match form.grant_type.as_deref() {
        None | Some("") => return Err(Refused::InvalidRequest("grant_type is required")),
        Some("client_credentials") => {}
        Some(_) => return Err(Refused::UnsupportedGrantType),
    }
    let basic = headers.get(header::AUTHORIZATION);
    let (client_id, client_secret) = match (basic, form.client_secret) {
        (Some(_), Some(_)) => {
            return Err(Refused::InvalidRequest(
                "the client must use one authentication method",
            ));
        }
        (Some(header), None) => read_basic(header).ok_or(Refused::InvalidClient { basic: true })?,
        (None, Some(secret)) => {
            let id = form
                .client_id
                .clone()
                .ok_or(Refused::InvalidRequest("client_id is required"))?;
            (id, secret)
        }
        (None, None) => return Err(Refused::InvalidClient { basic: false }),
    };
    let basic = basic.is_some();
    if form.client_id.is_some_and(|id| id != client_id) {
        return Err(Refused::InvalidRequest(
            "client_id differs from the Authorization header",
        ));
    }
    let command = Command {
        client_id,
        client_secret,
        network,
    };
    let token = issue_token(identity, &command)
        .await
        .map_err(|error| match error {
            issue::Error::Wrong => Refused::InvalidClient { basic },
            issue::Error::Throttled(throttled) => Refused::TooMany { wait: throttled.wait },
            error => {
                tracing::error!(error = %Chain(&error), "failed to issue a token");
                Refused::Failed
            }
        })?;
    let left = token.expires.since(identity.clock.now()).as_secs();
    let body = json!({
        "access_token": token.text.expose_secret(),
        "token_type": "Bearer",
        "expires_in": left,
    });
    Ok(unstored((StatusCode::OK, Json(body)).into_response()))
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

fn refuse(refused: &Refused) -> Response {
    let (status, error, description) = match refused {
        Refused::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", *why),
        Refused::UnsupportedGrantType => (
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "the grant type must be client_credentials",
        ),
        Refused::InvalidClient { .. } => (
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "wrong client id or client secret",
        ),
        Refused::TooMany { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "invalid_client",
            "too many wrong client secrets; retry later",
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
fn unstored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
