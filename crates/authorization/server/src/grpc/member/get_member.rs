//! `GetMember`.

use bailiwick_types::{Refused, Subject, method::authorization::GetMember};

use super::{named, with_emails};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetMember, pb::GetMemberRequest>,
) -> Result<pb::GetMemberResponse, Status> {
    let (account, user) = named(&call.message.account, &call.message.user)?;
    let by = api
        .authorize(&call, &[&Subject::user(user)], &Target::account(account))
        .await?;
    let snapshot = api.snapshot(&by).await?;
    let member = snapshot.member(user).await.map_err(status)?;
    let member = member.ok_or_else(|| status(Refused::NotFound("member")))?;
    let member = with_emails(&*snapshot, &[member]).await?.pop();
    Ok(pb::GetMemberResponse { member })
}
