//! `TransferResource`.

use bailiwick_authorization_core::resource::{Name, transfer::Transfer};
use bailiwick_types::method::authorization::TransferResource;

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<TransferResource, pb::TransferResourceRequest>,
) -> Result<pb::TransferResourceResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let name = fields.take("resource", message.resource.parse::<Name>());
    let to = fields.take("to", message.to.parse());
    let transfer = (|| Some(Transfer { name: name?, to: to? }))();
    let (account, transfer) = fields.finish(account.zip(transfer))?;
    let target = Target::account(account);
    let by = api.authorize(&call, &[&transfer.to], &target).await?;
    let answer = api.run(by, transfer).await?;
    Ok(pb::TransferResourceResponse {
        resource: answer.committed.then(|| convert::resource(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}
