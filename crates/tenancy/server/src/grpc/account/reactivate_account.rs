//! `ReactivateAccount`.

use bailiwick_proto::tenancy::v1 as pb;
use bailiwick_rpc::{Call, Target, token};
use bailiwick_tenancy_core::account::reactivate;
use bailiwick_types::method::tenancy::ReactivateAccount;
use tonic::Status;

use super::named;
use crate::grpc::{Api, answer};

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
        token: token::encode(&written),
    })
}
