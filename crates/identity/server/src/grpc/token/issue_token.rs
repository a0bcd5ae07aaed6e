//! Issues an access token for client credentials.

use bailiwick_identity_core::{
    attempt::ClientNetwork,
    token::{self, issue::Command},
};
use bailiwick_rpc::wire::timestamp;
use bailiwick_types::method::identity::IssueToken;
use secrecy::ExposeSecret;

use super::Api;
use crate::grpc::prelude::*;
use crate::grpc::secret;

pub(super) async fn handle(
    api: &Api,
    call: Call<IssueToken, pb::IssueTokenRequest>,
) -> Result<pb::IssueTokenResponse, Status> {
    let (call, request) = call.split();
    let command = command(request, ClientNetwork::from(call.context.client))?;
    api.guard.authorize(&call, &Target::none()).await?;
    let token = token::issue(&api.identity, &command).await;
    let token = token.map_err(IntoStatus::into_status)?;
    Ok(pb::IssueTokenResponse {
        access_token: token.text.expose_secret().to_owned(),
        expire_time: Some(timestamp(token.expires)),
    })
}

fn command(request: pb::IssueTokenRequest, network: ClientNetwork) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let client_id = fields.text("client_id", &request.client_id, 256);
    let client_secret = secret(&mut fields, "client_secret", request.client_secret);
    fields.finish_with(|| {
        Some(Command {
            client_id: client_id?,
            client_secret: client_secret?,
            network,
        })
    })
}
