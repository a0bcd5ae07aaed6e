//! `ApproveRequest`.

use bailiwick_authorization_core::approval::approve::Approve;
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Call, Target};
use bailiwick_types::method::authorization::ApproveRequest;
use tonic::Status;

use super::{approval, named};
use crate::grpc::Api;

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
