//! `GetMember`.

use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Call, Target};
use bailiwick_types::{Refused, Subject, method::authorization::GetMember};
use tonic::Status;

use super::named;
use crate::grpc::{Api, convert, status};

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
    Ok(pb::GetMemberResponse {
        member: Some(convert::member(&member)),
    })
}
