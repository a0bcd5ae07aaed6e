//! `DeleteWorkspace`.

use bailiwick_tenancy_core::{
    Etag,
    place::delete::{self, Command},
};
use bailiwick_types::{Scope, method::tenancy::DeleteWorkspace};

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DeleteWorkspace, pb::DeleteWorkspaceRequest>,
) -> Result<pb::DeleteWorkspaceResponse, Status> {
    let (account, id) = named(&call.message.account, &call.message.workspace)?;
    let command = Command {
        id,
        etag: Etag::of_request(&call.message.etag),
        force: call.message.force,
    };
    let target = Target::scope(account, &Scope::Workspace(id));
    let by = api.authorize(&call, &target).await?;
    let written = api
        .write(|tenancy| async move { delete::run(&tenancy, &by, command).await })
        .await?;
    Ok(pb::DeleteWorkspaceResponse {
        token: token::answer(&written),
    })
}
