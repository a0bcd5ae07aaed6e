//! Enables a user.

use bailiwick_identity_core::user;
use bailiwick_types::method::identity::EnableUser;

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<EnableUser, pb::EnableUserRequest>,
) -> Result<pb::EnableUserResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("user", &call.message.user);
    let id = fields.finish(id)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let enable = api.write(|identity| async move { user::enable(&identity, &by, id).await });
    let (user, token) = enable.await?;
    Ok(pb::EnableUserResponse {
        user: Some(message(&user)),
        token: token::answer(&token),
    })
}
