//! `SuspendMember`.

use bailiwick_authorization_core::member::suspend::Suspend;
use bailiwick_types::{Subject, method::authorization::SuspendMember};

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<SuspendMember, pb::SuspendMemberRequest>,
) -> Result<pb::SuspendMemberResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (account, user) = named(&call.message.account, &call.message.user)?;
    let by = api
        .authorize(&call, &[&Subject::user(user)], &Target::account(account))
        .await?;
    let answer = api.run(by, Suspend { user }).await?;
    Ok(pb::SuspendMemberResponse {
        member: answer.committed.then(|| convert::member(&answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}
