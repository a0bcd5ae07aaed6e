//! Introspection (RFC 7662) and revocation (RFC 7009).

use std::sync::Arc;

use axum::{
    Extension, Form, Json,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bailiwick_identity_core::{
    Identity,
    attempt::ClientNetwork,
    token::{introspect as core_introspect, introspect_as_client, revoke as core_revoke, revoke::Command},
};
use bailiwick_rpc::{AccessClaims, ClientAddress};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Refused, failed, refuse, unstored};

/// The form of both. A `token_type_hint` is not needed: every kind of token is looked for.
#[derive(Debug, Deserialize)]
pub(super) struct InspectForm {
    token: Option<SecretString>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
}

type Asked = Result<Form<InspectForm>, FormRejection>;

pub(super) async fn introspect(
    State(identity): State<Arc<Identity>>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    form: Asked,
) -> Response {
    let told = async {
        let (client, token) = read(client, &headers, form, |_| false)?;
        let found = introspect_as_client(&identity, &client.command, &token).await;
        let found = found.map_err(|error| match error {
            core_introspect::Error::Client(error) => client.refused(&error),
            error => failed(&error),
        })?;
        let body = match found {
            None => json!({ "active": false }),
            Some(claims) => active(&claims),
        };
        Ok((StatusCode::OK, Json(body)).into_response())
    };
    answered(told.await)
}

pub(super) async fn revoke(
    State(identity): State<Arc<Identity>>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    form: Asked,
) -> Response {
    let done = async {
        let of_users = |id: &str| id == AccessClaims::OWN_CLIENT;
        let (client, token) = read(client, &headers, form, of_users)?;
        let command = Command {
            token,
            client: client.command.clone(),
        };
        // What ends reaches the authenticator of this process by the feed, as it reaches the others.
        core_revoke(&identity, &command)
            .await
            .map_err(|error| match error {
                bailiwick_identity_core::token::revoke::Error::Client(error) => client.refused(&error),
                error => failed(&error),
            })?;
        Ok(StatusCode::OK.into_response())
    };
    answered(done.await)
}

fn read(
    client: Option<Extension<ClientAddress>>,
    headers: &HeaderMap,
    form: Asked,
    may_be_public: impl FnOnce(&str) -> bool,
) -> Result<(Client, SecretString), Refused> {
    let Ok(Form(form)) = form else {
        return Err(Refused::InvalidRequest(
            "the body must be a form without repeated parameters",
        ));
    };
    let network = ClientNetwork::from(client.and_then(|Extension(ClientAddress(client))| client));
    let client = Client::read(
        headers,
        (form.client_id, form.client_secret),
        network,
        may_be_public,
    )?;
    match form.token.filter(|token| !token.expose_secret().is_empty()) {
        Some(token) => Ok((client, token)),
        None => Err(Refused::InvalidRequest("token is required")),
    }
}

fn answered(done: Result<Response, Refused>) -> Response {
    match done {
        Ok(response) => unstored(response),
        Err(refused) => refuse(&refused),
    }
}

/// The claims as RFC 7662 section 2.2 names them.
fn active(claims: &AccessClaims) -> serde_json::Value {
    let mut body = serde_json::to_value(claims).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.insert("active".to_owned(), true.into());
        members.insert("token_type".to_owned(), "Bearer".into());
    }
    body
}
