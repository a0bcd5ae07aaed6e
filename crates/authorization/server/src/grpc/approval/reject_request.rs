//! `RejectRequest`.

use bailiwick_authorization_core::approval::reject::Reject;
use bailiwick_types::method::authorization::RejectRequest;

use super::{approval, named};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RejectRequest, pb::RejectRequestRequest>,
) -> Result<pb::RejectRequestResponse, Status> {
    let (account, id) = named(&call.message.account, &call.message.approval)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Reject { approval: id }).await?;
    Ok(pb::RejectRequestResponse {
        approval: Some(approval(api, answer.output)),
        token: answer.token,
    })
}
