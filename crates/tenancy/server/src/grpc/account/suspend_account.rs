//! `SuspendAccount`.

use bailiwick_tenancy_core::account::suspend;
use bailiwick_types::method::tenancy::SuspendAccount;

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<SuspendAccount, pb::SuspendAccountRequest>,
) -> Result<pb::SuspendAccountResponse, Status> {
    let account = named(&call.message.account)?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let (account, written) = api
        .write(|tenancy| async move { suspend::run(&tenancy, &by).await })
        .await?;
    Ok(pb::SuspendAccountResponse {
        account: Some(answer::account(account)),
        token: token::answer(&written),
    })
}
