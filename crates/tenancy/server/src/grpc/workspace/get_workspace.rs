//! `GetWorkspace`.

use bailiwick_proto::tenancy::v1 as pb;
use bailiwick_rpc::{Call, IntoStatus, Target};
use bailiwick_tenancy_core::place::get;
use bailiwick_types::{Scope, method::tenancy::GetWorkspace};
use tonic::Status;

use super::named;
use crate::grpc::{Api, answer};

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
