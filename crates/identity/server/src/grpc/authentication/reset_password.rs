//! Replaces the password of a user with a mailed secret.

use bailiwick_identity_core::user;
use bailiwick_types::method::identity::ResetPassword;

use super::{Api, mailed};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ResetPassword, pb::ResetPasswordRequest>,
) -> Result<pb::ResetPasswordResponse, Status> {
    let (call, request) = call.split();
    let command = mailed::command(request.secret, request.password)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let set = mailed::set(api, |identity| async move {
        user::reset_password(&identity, &by, &command).await
    });
    let token = set.await?;
    Ok(pb::ResetPasswordResponse {
        token: token::answer(&token),
    })
}
