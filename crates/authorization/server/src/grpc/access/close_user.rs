//! `CloseUser`.

use bailiwick_authorization_core::closing::user::{Close, close};
use bailiwick_types::method::authorization::CloseUser;

use super::version;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CloseUser, pb::CloseUserRequest>,
) -> Result<pb::CloseUserResponse, Status> {
    let mut fields = Fields::new();
    let user = fields.take("user", call.message.user.parse());
    let version = version(&mut fields, &call.message.epoch, call.message.version);
    let (user, version) = fields.finish(user.zip(version))?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let change = Close { user, version };
    let ports = api.ports.clone();
    let run = async move { close(&ports, &by, change).await.map_err(status) };
    let token = api.tasks.run(run).await?;
    Ok(pb::CloseUserResponse {
        token: encoded(&token),
    })
}
