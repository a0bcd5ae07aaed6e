//! `ApproveRequest`.

use bailiwick_authorization_core::approval::approve::Approve;
use bailiwick_types::method::authorization::ApproveRequest;

use super::{approval, named};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ApproveRequest, pb::ApproveRequestRequest>,
) -> Result<pb::ApproveRequestResponse, Status> {
    let (account, id) = named(&call.message.account, &call.message.approval)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Approve { approval: id }).await?;
    Ok(pb::ApproveRequestResponse {
        approval: Some(approval(api, answer.output)),
        token: answer.token,
    })
}
