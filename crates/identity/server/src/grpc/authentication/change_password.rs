//! Changes the password of the caller.

use std::sync::Arc;

use bailiwick_identity_core::user::{self, change_password::Command};
use bailiwick_types::method::identity::ChangePassword;

use super::Api;
use crate::grpc::prelude::*;
use crate::grpc::{new_password, password};

pub(super) async fn handle(
    api: &Api,
    call: Call<ChangePassword, pb::ChangePasswordRequest>,
) -> Result<pb::ChangePasswordResponse, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let old = password(&mut fields, "old_password", request.old_password);
    let new = new_password(&mut fields, "new_password", request.new_password);
    let command = fields.finish_with(|| Some(Command { old: old?, new: new? }))?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let change = api.write(|identity| async move {
        let done = user::change_password(&identity, &by, &command).await?;
        done.ended
            .iter()
            .for_each(|session| authenticator.forget_session(*session));
        Ok::<_, user::change_password::Error>(done.token)
    });
    let token = change.await?;
    Ok(pb::ChangePasswordResponse {
        token: token::answer(&token),
    })
}
