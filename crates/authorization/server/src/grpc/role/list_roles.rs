//! `ListRoles`.

use bailiwick_types::method::authorization::ListRoles;

use super::policy;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListRoles, pb::ListRolesRequest>,
) -> Result<pb::ListRolesResponse, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&call.message.account);
    let account = fields.finish(account)?;
    let policy = policy(api, &call, account).await?;
    let mut roles: Vec<pb::Role> = policy.roles().map(convert::role).collect();
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(pb::ListRolesResponse { roles })
}
