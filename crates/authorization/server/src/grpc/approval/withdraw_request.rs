//! `WithdrawRequest`.

use bailiwick_authorization_core::approval::withdraw::Withdraw;
use bailiwick_types::method::authorization::WithdrawRequest;

use super::{approval, named};
use crate::grpc::prelude::*;

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
