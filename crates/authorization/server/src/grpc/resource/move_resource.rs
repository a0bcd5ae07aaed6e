//! `MoveResource`.

use bailiwick_authorization_core::resource::{Name, relocate::Move};
use bailiwick_types::method::authorization::MoveResource;

use super::target;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<MoveResource, pb::MoveResourceRequest>,
) -> Result<pb::MoveResourceResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let name = fields.take("resource", message.resource.parse::<Name>());
    let scope = fields.scope("scope", &message.scope, account);
    let relocation = (|| {
        Some(Move {
            name: name?,
            scope: scope?,
        })
    })();
    let (account, relocation) = fields.finish(account.zip(relocation))?;
    let by = api
        .authorize(&call, &[], &target(account, &relocation.name))
        .await?;
    let answer = api.run(by, relocation).await?;
    Ok(pb::MoveResourceResponse {
        resource: answer.committed.then(|| convert::resource(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}
