//! `DeleteGroup`.

use bailiwick_authorization_core::group::delete::Delete;
use bailiwick_types::method::authorization::DeleteGroup;

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DeleteGroup, pb::DeleteGroupRequest>,
) -> Result<pb::DeleteGroupResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (account, group) = named(&call.message.account, &call.message.group)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Delete { group }).await?;
    Ok(pb::DeleteGroupResponse {
        token: answer.token,
        changes: answer.changes,
    })
}
