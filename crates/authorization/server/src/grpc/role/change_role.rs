//! `ChangeRole`.

use bailiwick_authorization_core::role::change::Change;
use bailiwick_types::{AccountId, method::authorization::ChangeRole};

use super::{ROLE, definition::entry, role_of};
use crate::grpc::grant::level;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ChangeRole, pb::ChangeRoleRequest>,
) -> Result<pb::ChangeRoleResponse, Status> {
    let (call, message) = call.split();
    let mut fields = Fields::new();
    let change = read(&mut fields, message);
    let (account, change) = fields.finish(change)?;
    let name = change.role.clone();
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, change).await?;
    Ok(pb::ChangeRoleResponse {
        role: role_of(&answer.output, &name).map(convert::role),
        token: answer.token,
    })
}

/// Reads a change.
pub(crate) fn read(fields: &mut Fields, message: pb::ChangeRoleRequest) -> Option<(AccountId, Change)> {
    let account = fields.account(&message.account);
    let role = fields.text("role", &message.role, ROLE);
    let at = match message.level.as_str() {
        "" => Some(None),
        word => level(fields, "level", word).map(Some),
    };
    let add = message.add.into_iter().enumerate();
    let add = add
        .map(|(n, given)| entry(fields, &format!("add[{n}]"), given))
        .collect();
    let change = Change {
        role: role?,
        level: at?,
        add,
        remove: message.remove,
    };
    Some((account?, change))
}
