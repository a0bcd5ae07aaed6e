//! `CreateGrant`.

use bailiwick_authorization_core::grant::create::Create;
use bailiwick_types::{AccountId, method::authorization::CreateGrant};
use uuid::Uuid;

use super::{about, grant, permissions};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateGrant, pb::CreateGrantRequest>,
) -> Result<pb::CreateGrantResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (call, message) = call.split();
    let (account, create) = read(message)?;
    let by = api
        .authorize(&call, &[&create.subject], &Target::account(account))
        .await?;
    let answer = api.run(by, create).await?;
    Ok(pb::CreateGrantResponse {
        grant: answer.committed.then(|| grant(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}

pub(crate) fn read(message: pb::CreateGrantRequest) -> Result<(AccountId, Create), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let subject = fields.take("subject", message.subject.parse());
    let about = about(&mut fields, message.target.as_ref(), account);
    let permissions = permissions(&mut fields, &message.permissions);
    let expires_at = fields.time("expire_time", message.expire_time);
    let request_id = fields.optional::<Uuid>("request_id", &message.request_id);
    let parameters = message.parameters.map(convert::map_of).unwrap_or_default();
    fields.finish_with(|| {
        let create = Create {
            subject: subject?,
            permissions,
            about: about?,
            parameters,
            expires_at: expires_at?,
            request_id: request_id?.map(|id| id.to_string()),
        };
        Some((account?, create))
    })
}
