//! `CreateInvitation`.

use bailiwick_authorization_core::invitation::create::Create;
use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, method::authorization::CreateInvitation};
use uuid::Uuid;

use super::{email, roles, shown};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateInvitation, pb::CreateInvitationRequest>,
) -> Result<pb::CreateInvitationResponse, Status> {
    let (call, message) = call.split();
    let (account, create) = read(message)?;
    let target = Target::scope(account, &create.scope);
    let by = api.authorize(&call, &[], &target).await?;
    let answer = api.run(by, create).await?;
    Ok(pb::CreateInvitationResponse {
        invitation: Some(shown(api, answer.output)),
        token: answer.token,
    })
}

pub(crate) fn read(message: pb::CreateInvitationRequest) -> Result<(AccountId, Create), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let scope = fields.scope("scope", &message.scope, account);
    let kind = convert::named_kind(message.kind()).unwrap_or(MemberKind::Agent);
    let email = email(&mut fields, "email", &message.email);
    let roles = roles(&mut fields, message.roles);
    let request_id = fields.optional::<Uuid>("request_id", &message.request_id);
    fields.finish_with(|| {
        let create = Create {
            email: email?,
            kind,
            roles,
            scope: scope?,
            request_id: request_id?.map(|id| id.to_string()),
        };
        Some((account?, create))
    })
}
