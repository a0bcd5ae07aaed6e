//! `DeleteRole`.

use bailiwick_authorization_core::role::delete::Delete;
use bailiwick_types::method::authorization::DeleteRole;

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DeleteRole, pb::DeleteRoleRequest>,
) -> Result<pb::DeleteRoleResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (account, role) = named(&call.message.account, &call.message.role)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Delete { role }).await?;
    Ok(pb::DeleteRoleResponse { token: answer.token })
}
