//! `UpdateAccount`.

use bailiwick_tenancy_core::{
    Etag, Title,
    account::update::{self, Command},
};
use bailiwick_types::{AccountId, method::tenancy::UpdateAccount};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<UpdateAccount, pb::UpdateAccountRequest>,
) -> Result<pb::UpdateAccountResponse, Status> {
    let (call, message) = call.split();
    let (account, command) = parse(message)?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let (account, written) = api
        .write(|tenancy| async move { update::run(&tenancy, &by, command).await })
        .await?;
    Ok(pb::UpdateAccountResponse {
        account: Some(answer::account(account)),
        token: token::answer(&written),
    })
}

fn parse(message: pb::UpdateAccountRequest) -> Result<(AccountId, Command), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let changes = message.changes.unwrap_or_default();
    let known = [
        ("title", !changes.title.is_empty()),
        ("seats", changes.seats != 0),
    ];
    let mask = fields.mask(message.update_mask.as_ref(), &known);
    let named = |name: &str| mask.iter().any(|path| path == name);
    let title = named("title").then(|| fields.take("changes.title", Title::try_from(changes.title)));
    let account = fields.finish(account)?;
    let command = Command {
        title: title.flatten(),
        seats: named("seats").then_some(changes.seats),
        etag: Etag::of_request(&message.etag),
    };
    Ok((account, command))
}
