//! `GetApproval`.

use bailiwick_types::{Refused, method::authorization::GetApproval};

use super::{approval, has, named};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetApproval, pb::GetApprovalRequest>,
) -> Result<pb::GetApprovalResponse, Status> {
    let (account, id) = named(&call.message.account, &call.message.approval)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    // The snapshot ends before the right is asked for: a call holds one connection at a time.
    let found = api.snapshot(&by).await?.approval(id).await.map_err(status)?;
    let own = found
        .as_ref()
        .is_some_and(|found| Some(&found.requester) == by.subject());
    if !own && !has(api, &call.context, account, "approval.view").await? {
        return Err(status(Refused::Denied));
    }
    let found = found.ok_or_else(|| status(Refused::Denied))?;
    Ok(pb::GetApprovalResponse {
        approval: Some(approval(api, found)),
    })
}
