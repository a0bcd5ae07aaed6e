//! Sets the first password of a user with a mailed secret.

use std::sync::Arc;

use bailiwick_identity_core::user::{self, activate::Command};
use bailiwick_types::method::identity::Activate;

use super::Api;
use crate::grpc::prelude::*;
use crate::grpc::{new_password, secret};

pub(super) async fn handle(
    api: &Api,
    call: Call<Activate, pb::ActivateRequest>,
) -> Result<pb::ActivateResponse, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let secret = secret(&mut fields, "secret", request.secret);
    let password = new_password(&mut fields, "password", request.password);
    let command = fields.finish_with(|| {
        Some(Command {
            secret: secret?,
            password: password?,
        })
    })?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let set = api.write(|identity| async move {
        let done = user::activate(&identity, &by, &command).await?;
        done.ended
            .iter()
            .for_each(|session| authenticator.forget_session(*session));
        Ok::<_, user::activate::Error>(done.token)
    });
    let token = set.await?;
    Ok(pb::ActivateResponse {
        token: token::answer(&token),
    })
}
