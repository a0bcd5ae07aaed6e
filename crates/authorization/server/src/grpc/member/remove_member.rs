//! `RemoveMember`.

use bailiwick_authorization_core::member::remove::Remove;
use bailiwick_types::{Scope, Subject, method::authorization::RemoveMember};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RemoveMember, pb::RemoveMemberRequest>,
) -> Result<pb::RemoveMemberResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let user = fields.take("user", message.user.parse());
    let scope = fields.optional_scope("scope", &message.scope, account);
    let (account, remove) = fields.finish_with(|| {
        let remove = Remove {
            user: user?,
            scope: scope?,
        };
        Some((account?, remove))
    })?;
    let whole = Scope::Account(account);
    let target = Target::scope(account, remove.scope.as_ref().unwrap_or(&whole));
    let by = api
        .authorize(&call, &[&Subject::user(remove.user)], &target)
        .await?;
    let answer = api.run(by, remove).await?;
    Ok(pb::RemoveMemberResponse {
        token: answer.token,
        changes: answer.changes,
    })
}
