//! `AddGroupMember`.

use bailiwick_authorization_core::group::add_member::AddMember;
use bailiwick_types::method::authorization::AddGroupMember;

use super::with_member;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<AddGroupMember, pb::AddGroupMemberRequest>,
) -> Result<pb::AddGroupMemberResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let (account, group, member) = with_member(&message.account, &message.group, &message.member)?;
    let by = api
        .authorize(&call, &[&member], &Target::account(account))
        .await?;
    let answer = api.run(by, AddMember { group, member }).await?;
    Ok(pb::AddGroupMemberResponse {
        token: answer.token,
        changes: answer.changes,
    })
}
