//! `GetRole`.

use bailiwick_types::method::authorization::GetRole;

use super::{
    definition::{declared, definition_words},
    found, named, policy,
};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetRole, pb::GetRoleRequest>,
) -> Result<pb::GetRoleResponse, Status> {
    let (account, name) = named(&call.message.account, &call.message.role)?;
    let policy = policy(api, &call, account).await?;
    let role = found(&policy, &name)?;
    let decl = declared(&policy, role).unwrap_or_default();
    Ok(pb::GetRoleResponse {
        role: Some(convert::role(role)),
        definition: Some(definition_words(&name, &decl)),
    })
}
