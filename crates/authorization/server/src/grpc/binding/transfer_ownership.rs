//! `TransferOwnership`.

use bailiwick_authorization_core::{binding::transfer::Transfer, operation};
use bailiwick_types::{Subject, method::authorization::TransferOwnership};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<TransferOwnership, pb::TransferOwnershipRequest>,
) -> Result<pb::TransferOwnershipResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let scope = fields.scope("scope", &message.scope, account);
    let to = fields.user_subject("to", &message.to);
    let (account, transfer) = fields.finish_with(|| {
        Some((
            account?,
            Transfer {
                scope: scope?,
                to: to?,
            },
        ))
    })?;
    api.wait(&call.context, account, &[&Subject::user(transfer.to)])
        .await?;
    let target = Target::scope(account, &transfer.scope);
    let by = api
        .guard
        .authorize_delegated(&call, &target, async |by| {
            operation::permit(&api.ports, by, &transfer).await.map_err(status)
        })
        .await?;
    let answer = api.run(by, transfer).await?;
    Ok(pb::TransferOwnershipResponse {
        binding: answer.committed.then(|| convert::binding(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}
