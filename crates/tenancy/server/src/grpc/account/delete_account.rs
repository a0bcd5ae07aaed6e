//! `DeleteAccount`.

use bailiwick_tenancy_core::{
    Etag,
    account::delete::{self, Command},
};
use bailiwick_types::method::tenancy::DeleteAccount;

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DeleteAccount, pb::DeleteAccountRequest>,
) -> Result<pb::DeleteAccountResponse, Status> {
    let account = named(&call.message.account)?;
    let command = Command {
        etag: Etag::of_request(&call.message.etag),
        force: call.message.force,
    };
    let by = api.authorize(&call, &Target::account(account)).await?;
    let written = api
        .write(|tenancy| async move { delete::run(&tenancy, &by, command).await })
        .await?;
    Ok(pb::DeleteAccountResponse {
        token: token::answer(&written),
    })
}
