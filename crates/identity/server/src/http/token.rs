//! The token endpoint: client credentials (RFC 6749 sections 4.4 and 5).

use std::sync::Arc;

use axum::{
    Extension, Form, Json,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bailiwick_identity_core::{Identity, attempt::ClientNetwork, token::issue as issue_token};
use bailiwick_rpc::ClientAddress;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Refused, refuse, unstored};

/// The form. Unknown parameters are ignored (RFC 6749 section 3.2), repeated ones are refused.
#[derive(Debug, Deserialize)]
pub(super) struct TokenForm {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    scope: Option<String>,
    resource: Option<String>,
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
    // What a service account may do are its roles: no token has more or less (RFC 6749 section 3.3).
    if form.scope.is_some_and(|scope| !scope.is_empty()) {
        return Err(Refused::InvalidScope);
    }
    // Tokens are for the suite alone, by its name or as the issuer (RFC 8707 section 2).
    let own = [identity.issuer.audience.as_str(), identity.issuer.name.as_str()];
    if form.resource.is_some_and(|resource| !own.contains(&&*resource)) {
        return Err(Refused::InvalidTarget);
    }
    let client = Client::read(headers, (form.client_id, form.client_secret), network, |_| false)?;
    let token = issue_token(identity, &client.command)
        .await
        .map_err(|error| client.refused(&error))?;
    let left = token.expires.since(identity.clock.now()).as_secs();
    let body = json!({
        "access_token": token.text.expose_secret(),
        "token_type": "Bearer",
        "expires_in": left,
    });
    Ok(unstored((StatusCode::OK, Json(body)).into_response()))
}
