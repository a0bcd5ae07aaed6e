//! Ends a token.

use std::sync::Arc;

use bailiwick_identity_core::{
    attempt::ClientNetwork,
    token::{
        self, issue,
        revoke::{Command, Error, Revoked},
    },
};
use bailiwick_types::method::identity::RevokeToken;
use secrecy::SecretString;

use super::Api;
use crate::grpc::prelude::{Call, Fields, Status, Target, pb};
use crate::grpc::{secret, token_text};

pub(super) async fn handle(
    api: &Api,
    call: Call<RevokeToken, pb::RevokeTokenRequest>,
) -> Result<pb::RevokeTokenResponse, Status> {
    let (call, request) = call.split();
    let command = command(request, ClientNetwork::from(call.context.client))?;
    api.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let revoke = api.write(|identity| async move {
        match token::revoke(&identity, &command).await? {
            Revoked::Session(session) => authenticator.forget_session(session),
            Revoked::Token(token) => authenticator.forget_token(&token),
            Revoked::Nothing => {}
        }
        Ok::<_, Error>(())
    });
    revoke.await?;
    Ok(pb::RevokeTokenResponse {})
}

fn command(request: pb::RevokeTokenRequest, network: ClientNetwork) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let token = token_text(&mut fields, request.token);
    let client_id = fields.text("client_id", &request.client_id, 256);
    let client_secret = match request.client_secret {
        none if none.is_empty() => Some(SecretString::from(none)),
        text => secret(&mut fields, "client_secret", text),
    };
    fields.finish_with(|| {
        Some(Command {
            token: token?,
            client: issue::Command {
                client_id: client_id?,
                client_secret: client_secret?,
                network,
            },
        })
    })
}
