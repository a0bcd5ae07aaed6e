//! `ReactivateAccount`.

use bailiwick_tenancy_core::account::reactivate;
use bailiwick_types::method::tenancy::ReactivateAccount;

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ReactivateAccount, pb::ReactivateAccountRequest>,
) -> Result<pb::ReactivateAccountResponse, Status> {
    let account = named(&call.message.account)?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let (account, written) = api
        .write(|tenancy| async move { reactivate::run(&tenancy, &by).await })
        .await?;
    Ok(pb::ReactivateAccountResponse {
        account: Some(answer::account(account)),
        token: token::answer(&written),
    })
}
