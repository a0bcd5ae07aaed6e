//! Deletes a user.

use std::sync::Arc;

use bailiwick_identity_core::user;
use bailiwick_types::{Subject, method::identity::DeleteUser};

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DeleteUser, pb::DeleteUserRequest>,
) -> Result<pb::DeleteUserResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("user", &call.message.user);
    let id = fields.finish(id)?;
    let target = Target::none().owned_by(Subject::user(id));
    let by = api.guard.authorize(&call, &target).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let delete = api.write(|identity| async move {
        let done = user::delete(&identity, &by, id).await?;
        authenticator.forget_subject(&Subject::user(id));
        Ok::<_, user::delete::Error>(done)
    });
    let done = delete.await?;
    Ok(pb::DeleteUserResponse {
        token: token::answer(&done.token),
    })
}
