//! `GetWorkspace`.

use bailiwick_tenancy_core::place::get;
use bailiwick_types::{Scope, method::tenancy::GetWorkspace};

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetWorkspace, pb::GetWorkspaceRequest>,
) -> Result<pb::GetWorkspaceResponse, Status> {
    let (account, workspace) = named(&call.message.account, &call.message.workspace)?;
    let target = Target::scope(account, &Scope::Workspace(workspace));
    let by = api.authorize(&call, &target).await?;
    let place = get::run(&api.tenancy, &by, workspace)
        .await
        .map_err(IntoStatus::into_status)?;
    Ok(pb::GetWorkspaceResponse {
        workspace: Some(answer::workspace(place)),
    })
}
