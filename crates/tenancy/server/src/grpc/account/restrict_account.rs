//! `RestrictAccount`.

use bailiwick_tenancy_core::account::restrict;
use bailiwick_types::method::tenancy::RestrictAccount;

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RestrictAccount, pb::RestrictAccountRequest>,
) -> Result<pb::RestrictAccountResponse, Status> {
    let account = named(&call.message.account)?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let (account, written) = api
        .write(|tenancy| async move { restrict::run(&tenancy, &by).await })
        .await?;
    Ok(pb::RestrictAccountResponse {
        account: Some(answer::account(account)),
        token: token::answer(&written),
    })
}
