//! `UpdateMember`.

use bailiwick_authorization_core::member::update::Update;
use bailiwick_types::{Subject, method::authorization::UpdateMember};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<UpdateMember, pb::UpdateMemberRequest>,
) -> Result<pb::UpdateMemberResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let user = fields.take("user", message.user.parse());
    let expires_at = fields.time("expire_time", message.expire_time);
    let kind = convert::named_kind(message.kind());
    let (account, update) = fields.finish_with(|| {
        let update = Update {
            user: user?,
            expires_at: expires_at?,
            kind,
        };
        Some((account?, update))
    })?;
    let by = api
        .authorize(&call, &[&Subject::user(update.user)], &Target::account(account))
        .await?;
    let answer = api.run(by, update).await?;
    Ok(pb::UpdateMemberResponse {
        member: answer.committed.then(|| convert::member(&answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}
