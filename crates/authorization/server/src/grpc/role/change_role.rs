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
    let (account, change) = read(message, "")?;
    let name = change.role.clone();
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, change).await?;
    Ok(pb::ChangeRoleResponse {
        role: role_of(&answer.output, &name).map(convert::role),
        token: answer.token,
    })
}

/// Reads a change. The prefix is where its fields are in the request.
pub(crate) fn read(message: pb::ChangeRoleRequest, prefix: &str) -> Result<(AccountId, Change), Status> {
    let mut fields = Fields::new();
    let account: Option<AccountId> = fields.take(&format!("{prefix}account"), message.account.parse());
    let role = fields.text(&format!("{prefix}role"), &message.role, ROLE);
    let at = match message.level.as_str() {
        "" => Some(None),
        word => level(&mut fields, &format!("{prefix}level"), word).map(Some),
    };
    let add = message.add.into_iter().enumerate();
    let add = add
        .map(|(n, given)| entry(&mut fields, &format!("{prefix}add[{n}]"), given))
        .collect();
    fields.finish_with(|| {
        let change = Change {
            role: role?,
            level: at?,
            add,
            remove: message.remove,
        };
        Some((account?, change))
    })
}
