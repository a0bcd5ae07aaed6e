//! Reads a user.

use bailiwick_identity_core::user;
use bailiwick_types::{Subject, method::identity::GetUser};

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetUser, pb::GetUserRequest>,
) -> Result<pb::GetUserResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("user", &call.message.user);
    let id = fields.finish(id)?;
    let target = Target::none().owned_by(Subject::user(id));
    let by = api.guard.authorize(&call, &target).await?;
    let user = user::get(&api.identity, &by, id).await;
    let user = user.map_err(IntoStatus::into_status)?;
    Ok(pb::GetUserResponse {
        user: Some(message(&user)),
    })
}
