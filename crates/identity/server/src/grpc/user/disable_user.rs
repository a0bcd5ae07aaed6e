//! Disables a user.

use std::sync::Arc;

use bailiwick_identity_core::user;
use bailiwick_types::{Subject, method::identity::DisableUser};

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DisableUser, pb::DisableUserRequest>,
) -> Result<pb::DisableUserResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("user", &call.message.user);
    let id = fields.finish(id)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let disable = api.write(|identity| async move {
        let done = user::disable(&identity, &by, id).await?;
        authenticator.forget_subject(&Subject::user(id));
        Ok::<_, user::disable::Error>(done)
    });
    let done = disable.await?;
    Ok(pb::DisableUserResponse {
        user: Some(message(&done.user)),
        token: token::answer(&done.token),
    })
}
