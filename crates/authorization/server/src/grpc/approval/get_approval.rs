//! `GetApproval`.

use bailiwick_types::{Refused, Rows, method::authorization::GetApproval};

use super::{approval, named};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetApproval, pb::GetApprovalRequest>,
) -> Result<pb::GetApprovalResponse, Status> {
    let (account, id) = named(&call.message.account, &call.message.approval)?;
    let (by, rows) = api.authorize_rows(&call, account).await?;
    let found = api.snapshot(&by).await?.approval(id).await.map_err(status)?;
    let found = found.filter(|found| rows == Rows::All || Some(&found.requester) == by.subject());
    let found = found.ok_or_else(|| status(Refused::Denied))?;
    Ok(pb::GetApprovalResponse {
        approval: Some(approval(api, found)),
    })
}
