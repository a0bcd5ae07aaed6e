//! `UpdateSettings`.

use bailiwick_rpc::wire::{map_of, struct_of};
use bailiwick_tenancy_core::{
    Etag,
    settings::{
        Values,
        update::{self, Command},
    },
};
use bailiwick_types::{AccountId, method::tenancy::UpdateSettings};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<UpdateSettings, pb::UpdateSettingsRequest>,
) -> Result<pb::UpdateSettingsResponse, Status> {
    let (mut call, message) = call.split();
    let (account, command) = parse(message)?;
    api.check_before_right(&call.context, account, |product| command.check(product))
        .await?;
    let target = Target::account(account);
    let by = api.authorize(&call, &target).await?;
    let (values, version, written) = api
        .write(|tenancy| async move { update::run(&tenancy, &by, command).await })
        .await?;
    // Decisions depend on settings. Asking authorization again, with the token of the write, makes it wait
    // for the write, so that the next decision sees it also without a token. The write is committed, whatever
    // the answer is.
    call.context.token.replace(&written);
    if let Err(status) = api.guard.authorize(&call, &target).await {
        let code = status.code();
        tracing::debug!(account.id = %account, %code, "authorization has not seen the settings yet");
    }
    Ok(pb::UpdateSettingsResponse {
        values: Some(struct_of(values)),
        etag: Etag::of_version(version),
        token: token::answer(&written),
    })
}

fn parse(message: pb::UpdateSettingsRequest) -> Result<(AccountId, Command), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let values: Values = message
        .values
        .map(|values| map_of(values).into_iter().collect())
        .unwrap_or_default();
    if values.is_empty() {
        fields.violate("values", "must have something to set");
    }
    let account = fields.finish(account)?;
    let etag = Etag::of_request(&message.etag);
    Ok((account, Command { values, etag }))
}
