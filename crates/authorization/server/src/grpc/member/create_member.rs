//! `CreateMember`.

use bailiwick_authorization_core::member::create::Create;
use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, Subject, method::authorization::CreateMember};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateMember, pb::CreateMemberRequest>,
) -> Result<pb::CreateMemberResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (account, create) = read(&call.message)?;
    let by = api
        .authorize(&call, &[&Subject::user(create.user)], &Target::account(account))
        .await?;
    let answer = api.run(by, create).await?;
    Ok(pb::CreateMemberResponse {
        member: answer.committed.then(|| convert::member(&answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}

pub(crate) fn read(message: &pb::CreateMemberRequest) -> Result<(AccountId, Create), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let user = fields.take("user", message.user.parse());
    let expires_at = fields.time("expire_time", message.expire_time);
    let kind = convert::named_kind(message.kind()).unwrap_or(MemberKind::Agent);
    fields.finish_with(|| {
        let create = Create {
            user: user?,
            kind,
            expires_at: expires_at?,
        };
        Some((account?, create))
    })
}
