//! `CloseUser`.

use bailiwick_authorization_core::closing::{
    operator,
    user::{self, Close},
};
use bailiwick_types::{Email, method::authorization::CloseUser};

use super::version;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CloseUser, pb::CloseUserRequest>,
) -> Result<pb::CloseUserResponse, Status> {
    let mut fields = Fields::new();
    let user = fields.take("user", call.message.user.parse());
    let version = version(&mut fields, &call.message.epoch, call.message.version);
    let deletes = match &*call.message.email {
        _ if !call.message.deleted => Some(None),
        text => fields
            .take("email", text.parse::<Email>())
            .map(|email| Some(email.key())),
    };
    let (user, version, deletes) = fields.finish_with(|| Some((user?, version?, deletes?)))?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let change = Close {
        user,
        version,
        deletes,
    };
    let ports = api.ports.clone();
    let operator_only = call.message.operator_only;
    let run = async move {
        let done = if operator_only {
            operator::close(&ports, &by, change).await
        } else {
            user::close(&ports, &by, change).await
        };
        done.map_err(status)
    };
    let token = api.tasks.run(run).await?;
    Ok(pb::CloseUserResponse {
        token: encoded(&token),
    })
}
