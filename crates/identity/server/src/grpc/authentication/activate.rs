//! Sets the first password of a user with a mailed secret.

use bailiwick_identity_core::user;
use bailiwick_types::method::identity::Activate;

use super::{Api, mailed};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<Activate, pb::ActivateRequest>,
) -> Result<pb::ActivateResponse, Status> {
    let (call, request) = call.split();
    let command = mailed::command(request.secret, request.password)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let set = mailed::set(api, |identity| async move {
        user::activate(&identity, &by, &command).await
    });
    let token = set.await?;
    Ok(pb::ActivateResponse {
        token: token::answer(&token),
    })
}
