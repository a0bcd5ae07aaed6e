//! `ResendInvitation`.

use bailiwick_authorization_core::invitation::resend::Resend;
use bailiwick_types::method::authorization::ResendInvitation;

use super::{named, shown};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ResendInvitation, pb::ResendInvitationRequest>,
) -> Result<pb::ResendInvitationResponse, Status> {
    let (account, invitation) = named(&call.message.account, &call.message.invitation)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Resend { invitation }).await?;
    Ok(pb::ResendInvitationResponse {
        invitation: Some(shown(api, answer.output)),
        token: answer.token,
    })
}
