//! `AssignRole`.

use bailiwick_authorization_core::binding::assign::Assign;
use bailiwick_types::{AccountId, method::authorization::AssignRole};

use super::{ROLE, key};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<AssignRole, pb::AssignRoleRequest>,
) -> Result<pb::AssignRoleResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (call, message) = call.split();
    let (account, assign) = read(message)?;
    let target = Target::scope(account, &assign.scope);
    let by = api.authorize(&call, &[&assign.subject], &target).await?;
    let answer = api.run(by, assign).await?;
    Ok(pb::AssignRoleResponse {
        binding: answer.committed.then(|| convert::binding(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}

pub(crate) fn read(message: pb::AssignRoleRequest) -> Result<(AccountId, Assign), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let subject = fields.take("subject", message.subject.parse());
    let role = fields.text("role", &message.role, ROLE);
    let scope = fields.scope("scope", &message.scope, account);
    let expires_at = fields.time("expire_time", message.expire_time);
    let key = key(&mut fields, &message.key);
    let parameters = message.parameters.map(convert::map_of).unwrap_or_default();
    fields.finish_with(|| {
        let assign = Assign {
            subject: subject?,
            role: role?,
            scope: scope?,
            parameters,
            expires_at: expires_at?,
            key: key?,
            replace: message.replace,
        };
        Some((account?, assign))
    })
}
