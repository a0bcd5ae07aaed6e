//! `CreateWorkspace`.

use bailiwick_rpc::Context;
use bailiwick_tenancy_core::{
    Title,
    place::create_workspace::{self, Command},
};
use bailiwick_types::{AccountId, Scope, method::tenancy::CreateWorkspace};

use super::parent;
use crate::grpc::prelude::*;
use crate::grpc::request_key::request_key;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateWorkspace, pb::CreateWorkspaceRequest>,
) -> Result<pb::CreateWorkspaceResponse, Status> {
    let (call, message) = call.split();
    let (account, command) = parse(&call.context, message)?;
    api.check_before_right(&call.context, account, |product| command.check(product))
        .await?;
    let above = command.parent.map_or(Scope::Account(account), Scope::Instance);
    let by = api.authorize(&call, &Target::scope(account, &above)).await?;
    let (place, written) = api
        .write(|tenancy| async move { create_workspace::run(&tenancy, &by, command).await })
        .await?;
    Ok(pb::CreateWorkspaceResponse {
        workspace: Some(answer::workspace(place)),
        token: token::answer(&written),
    })
}

fn parse(context: &Context, mut message: pb::CreateWorkspaceRequest) -> Result<(AccountId, Command), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let title = fields.take("title", Title::try_from(message.title.clone()));
    let parent = parent(&mut fields, account, &message.parent).flatten();
    let id = std::mem::take(&mut message.request_id);
    let request = request_key(&mut fields, context, &id, &message);
    let (account, title) = fields.finish(account.zip(title))?;
    let command = Command {
        parent,
        title,
        request,
    };
    Ok((account, command))
}
