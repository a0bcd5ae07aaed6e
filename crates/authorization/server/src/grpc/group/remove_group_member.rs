//! `RemoveGroupMember`.

use bailiwick_authorization_core::group::remove_member::RemoveMember;
use bailiwick_types::method::authorization::RemoveGroupMember;

use super::with_member;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RemoveGroupMember, pb::RemoveGroupMemberRequest>,
) -> Result<pb::RemoveGroupMemberResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let (account, group, member) = with_member(&message.account, &message.group, &message.member)?;
    let by = api
        .authorize(&call, &[&member], &Target::account(account))
        .await?;
    let answer = api.run(by, RemoveMember { group, member }).await?;
    Ok(pb::RemoveGroupMemberResponse {
        token: answer.token,
        changes: answer.changes,
    })
}
