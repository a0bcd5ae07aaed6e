//! Gives a service account a new secret.

use bailiwick_identity_core::service_account::{self, rotate::Command};
use bailiwick_rpc::wire::timestamp;
use bailiwick_types::method::identity::RotateServiceAccountSecret;
use secrecy::ExposeSecret;

use super::{Api, message};
use crate::grpc::{duration, prelude::*};

pub(super) async fn handle(
    api: &Api,
    call: Call<RotateServiceAccountSecret, pb::RotateServiceAccountSecretRequest>,
) -> Result<pb::RotateServiceAccountSecretResponse, Status> {
    let command = command(&call.message)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let rotate = api.write(|identity| async move { service_account::rotate(&identity, &by, &command).await });
    let rotated = rotate.await?;
    let secret = rotated.secret.as_ref();
    Ok(pb::RotateServiceAccountSecretResponse {
        service_account: Some(message(&rotated.account)),
        secret: secret.map_or("", |secret| secret.expose_secret()).to_owned(),
        old_secret_expire_time: rotated.old_ends.map(timestamp),
        token: token::answer(&rotated.token),
    })
}

fn command(request: &pb::RotateServiceAccountSecretRequest) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let id = fields.required("service_account", &request.service_account);
    let (field, most) = ("old_secret_lifetime", Command::LONGEST);
    let old_lifetime = duration(&mut fields, field, request.old_secret_lifetime, most);
    let request_id = fields.optional("request_id", &request.request_id);
    fields.finish_with(|| {
        Some(Command {
            id: id?,
            old_lifetime: old_lifetime?.unwrap_or(Command::USUAL),
            replace_new: request.replace_new,
            request_id: request_id?,
        })
    })
}
