//! `GetGroup`.

use bailiwick_types::{Refused, method::authorization::GetGroup};

use super::{group, named};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetGroup, pb::GetGroupRequest>,
) -> Result<pb::GetGroupResponse, Status> {
    let (account, id) = named(&call.message.account, &call.message.group)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let found = api.snapshot(&by).await?.group(id).await.map_err(status)?;
    let found = found.ok_or_else(|| status(Refused::NotFound("group")))?;
    Ok(pb::GetGroupResponse {
        group: Some(group(found)),
    })
}
