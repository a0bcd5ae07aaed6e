//! `DeleteGrant`.

use bailiwick_authorization_core::grant::delete::{Delete, Which};
use bailiwick_types::{AccountId, method::authorization::DeleteGrant};

use super::{about, permissions};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DeleteGrant, pb::DeleteGrantRequest>,
) -> Result<pb::DeleteGrantResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let which = which(&mut fields, message, account);
    let (account, which) = fields.finish(account.zip(which))?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Delete { which }).await?;
    Ok(pb::DeleteGrantResponse {
        token: answer.token,
        changes: answer.changes,
    })
}

fn which(fields: &mut Fields, message: &pb::DeleteGrantRequest, account: Option<AccountId>) -> Option<Which> {
    if !message.grant.is_empty() {
        return fields.take("grant", message.grant.parse()).map(Which::Id);
    }
    let subject = fields.take("subject", message.subject.parse());
    let about = about(fields, message.target.as_ref(), account);
    let permissions = permissions(fields, &message.permissions);
    Some(Which::Of {
        subject: subject?,
        permissions,
        about: about?,
    })
}
