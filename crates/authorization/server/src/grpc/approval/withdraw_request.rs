//! `WithdrawRequest`.

use bailiwick_authorization_core::approval::withdraw::Withdraw;
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Call, Target};
use bailiwick_types::method::authorization::WithdrawRequest;
use tonic::Status;

use super::{approval, named};
use crate::grpc::Api;

pub(super) async fn handle(
    api: &Api,
    call: Call<WithdrawRequest, pb::WithdrawRequestRequest>,
) -> Result<pb::WithdrawRequestResponse, Status> {
    let (account, id) = named(&call.message.account, &call.message.approval)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Withdraw { approval: id }).await?;
    Ok(pb::WithdrawRequestResponse {
        approval: Some(approval(api, answer.output)),
        token: answer.token,
    })
}
