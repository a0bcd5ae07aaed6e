//! `CloseServiceAccount`.

use bailiwick_authorization_core::closing::service_account::{Close, close};
use bailiwick_types::method::authorization::CloseServiceAccount;

use super::version;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CloseServiceAccount, pb::CloseServiceAccountRequest>,
) -> Result<pb::CloseServiceAccountResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.take("service_account", call.message.service_account.parse());
    let version = version(&mut fields, &call.message.epoch, call.message.version);
    let (id, version) = fields.finish(id.zip(version))?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let change = Close { id, version };
    let ports = api.ports.clone();
    let run = async move { close(&ports, &by, change).await.map_err(status) };
    let token = api.tasks.run(run).await?;
    Ok(pb::CloseServiceAccountResponse {
        token: encoded(&token),
    })
}
