//! `RevokeInvitation`.

use bailiwick_authorization_core::invitation::revoke::Revoke;
use bailiwick_types::method::authorization::RevokeInvitation;

use super::{named, shown};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RevokeInvitation, pb::RevokeInvitationRequest>,
) -> Result<pb::RevokeInvitationResponse, Status> {
    let (account, invitation) = named(&call.message.account, &call.message.invitation)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Revoke { invitation }).await?;
    Ok(pb::RevokeInvitationResponse {
        invitation: Some(shown(api, answer.output)),
        token: answer.token,
    })
}
