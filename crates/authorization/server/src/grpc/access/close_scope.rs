//! `CloseScope`.

use bailiwick_authorization_core::closing::scope::{Close, close};
use bailiwick_policy::PlaceState;
use bailiwick_types::method::authorization::CloseScope;

use super::version;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CloseScope, pb::CloseScopeRequest>,
) -> Result<pb::CloseScopeResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let scope = fields.scope("scope", &message.scope, account);
    let version = version(&mut fields, &message.epoch, message.version);
    let ((account, scope), version) = fields.finish(account.zip(scope).zip(version))?;
    // It names no account: the account need not be known here yet.
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let change = Close {
        account,
        scope,
        version,
        state: if message.deleted {
            PlaceState::Deleted
        } else {
            PlaceState::Suspended
        },
    };
    let ports = api.ports.clone();
    let run = async move { close(&ports, &by, change).await.map_err(status) };
    let token = api.tasks.run(run).await?;
    Ok(pb::CloseScopeResponse {
        token: encoded(&token),
    })
}
