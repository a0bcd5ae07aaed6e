//! `GetInvitation`.

use bailiwick_types::{Refused, method::authorization::GetInvitation};

use super::{named, shown};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetInvitation, pb::GetInvitationRequest>,
) -> Result<pb::GetInvitationResponse, Status> {
    let (account, id) = named(&call.message.account, &call.message.invitation)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let found = api.snapshot(&by).await?.invitation(id).await.map_err(status)?;
    let found = found.ok_or_else(|| status(Refused::NotFound("invitation")))?;
    Ok(pb::GetInvitationResponse {
        invitation: Some(shown(api, found)),
    })
}
