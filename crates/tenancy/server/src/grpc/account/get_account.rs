//! `GetAccount`.

use bailiwick_proto::tenancy::v1 as pb;
use bailiwick_rpc::{Call, IntoStatus, Target};
use bailiwick_tenancy_core::account::get;
use bailiwick_types::method::tenancy::GetAccount;
use tonic::Status;

use super::named;
use crate::grpc::{Api, answer};

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
