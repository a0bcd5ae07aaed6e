//! `UpdateWorkspace`.

use bailiwick_tenancy_core::{
    Etag, Title,
    place::update::{self, Command},
};
use bailiwick_types::{AccountId, Scope, WorkspaceId, method::tenancy::UpdateWorkspace};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<UpdateWorkspace, pb::UpdateWorkspaceRequest>,
) -> Result<pb::UpdateWorkspaceResponse, Status> {
    let (call, message) = call.split();
    let (account, command) = parse(message)?;
    let target = Target::scope(account, &Scope::Workspace(command.id));
    let by = api.authorize(&call, &target).await?;
    let (place, written) = api
        .write(|tenancy| async move { update::run(&tenancy, &by, command).await })
        .await?;
    Ok(pb::UpdateWorkspaceResponse {
        workspace: Some(answer::workspace(place)),
        token: token::answer(&written),
    })
}

fn parse(message: pb::UpdateWorkspaceRequest) -> Result<(AccountId, Command<WorkspaceId>), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let id = fields.take("workspace", message.workspace.parse());
    let changes = message.changes.unwrap_or_default();
    fields.mask(
        message.update_mask.as_ref(),
        &[("title", !changes.title.is_empty())],
    );
    let title = fields.take("changes.title", Title::try_from(changes.title));
    let ((account, id), title) = fields.finish(account.zip(id).zip(title))?;
    let etag = Etag::of_request(&message.etag);
    Ok((account, Command { id, title, etag }))
}
