//! `GetAccount`.

use bailiwick_tenancy_core::account::get;
use bailiwick_types::method::tenancy::GetAccount;

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetAccount, pb::GetAccountRequest>,
) -> Result<pb::GetAccountResponse, Status> {
    let account = named(&call.message.account)?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let account = get::run(&api.tenancy, &by)
        .await
        .map_err(IntoStatus::into_status)?;
    Ok(pb::GetAccountResponse {
        account: Some(answer::account(account)),
    })
}
