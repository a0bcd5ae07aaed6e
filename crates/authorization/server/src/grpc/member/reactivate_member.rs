//! `ReactivateMember`.

use bailiwick_authorization_core::member::suspend::Reactivate;
use bailiwick_types::{Subject, method::authorization::ReactivateMember};

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ReactivateMember, pb::ReactivateMemberRequest>,
) -> Result<pb::ReactivateMemberResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (account, user) = named(&call.message.account, &call.message.user)?;
    let by = api
        .authorize(&call, &[&Subject::user(user)], &Target::account(account))
        .await?;
    let answer = api.run(by, Reactivate { user }).await?;
    Ok(pb::ReactivateMemberResponse {
        member: answer.committed.then(|| convert::member(&answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}
