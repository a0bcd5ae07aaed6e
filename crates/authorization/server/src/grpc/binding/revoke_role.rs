//! `RevokeRole`.

use bailiwick_authorization_core::binding::revoke::Revoke;
use bailiwick_types::{AccountId, method::authorization::RevokeRole};

use super::{ROLE, key};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RevokeRole, pb::RevokeRoleRequest>,
) -> Result<pb::RevokeRoleResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (account, revoke) = read(&call.message)?;
    let target = Target::scope(account, &revoke.scope);
    let by = api.authorize(&call, &[&revoke.subject], &target).await?;
    let answer = api.run(by, revoke).await?;
    Ok(pb::RevokeRoleResponse {
        token: answer.token,
        changes: answer.changes,
    })
}

pub(crate) fn read(message: &pb::RevokeRoleRequest) -> Result<(AccountId, Revoke), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let subject = fields.take("subject", message.subject.parse());
    let role = fields.text("role", &message.role, ROLE);
    let scope = fields.scope("scope", &message.scope, account);
    let key = key(&mut fields, &message.key);
    fields.finish_with(|| {
        let revoke = Revoke {
            subject: subject?,
            role: role?,
            scope: scope?,
            key: key?,
        };
        Some((account?, revoke))
    })
}
