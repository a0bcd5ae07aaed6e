//! `MoveWorkspace`.

use bailiwick_proto::authorization::v1::{EffectiveChange, PermissionChange, PermissionStrength};
use bailiwick_rpc::Context;
use bailiwick_tenancy_core::{
    Etag,
    peer::{Foreseen, Strength},
    place::move_workspace::{self, Command},
};
use bailiwick_types::{
    AccountId, Authorized, Refused, Scope, ScopeRoot, Service,
    method::tenancy::{CreateWorkspace, MoveWorkspace},
};

use super::parent;
use crate::grpc::prelude::*;
use crate::grpc::request_key::request_key;

pub(super) async fn handle(
    api: &Api,
    call: Call<MoveWorkspace, pb::MoveWorkspaceRequest>,
) -> Result<pb::MoveWorkspaceResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let validate_only = call.message.validate_only;
    let (call, mut message) = call.split();
    let token = std::mem::take(&mut message.target_access_token);
    let (account, target, command) = parse(&call.context, message)?;
    let above = command.parent.map_or(Scope::Account(target), Scope::Instance);
    let there = if token.is_empty() || target == account {
        call.context.clone()
    } else {
        call.context.with_token_of_caller(&token).await?
    };
    let there: Authorized<CreateWorkspace> = api
        .guard
        .authorize_part(&call, &there, &Target::scope(target, &above))
        .await?;
    if !validate_only {
        let earlier = move_workspace::earlier(&api.tenancy, &there, &command).await;
        if let Some((place, written)) = earlier.map_err(IntoStatus::into_status)? {
            return Ok(pb::MoveWorkspaceResponse {
                workspace: Some(answer::workspace(place)),
                token: token::answer(&written),
                changes: Vec::new(),
            });
        }
    }
    let by = api
        .authorize(&call, &Target::scope(account, &Scope::Workspace(command.id)))
        .await?;
    // A key gives nothing, and what others have around the target reaches the workspace there.
    if by.caller().key().is_some() {
        return Err(Refused::Denied.into_status());
    }
    let needed =
        |service, root: &ScopeRoot| service == Service::Tenancy && *root == ScopeRoot::Account(target);
    api.fresh.wait(&call.context, needed).await?;
    if validate_only {
        let previewed = move_workspace::preview(&api.tenancy, &by, &there, &command).await;
        let (place, foreseen) = previewed.map_err(IntoStatus::into_status)?;
        return Ok(pb::MoveWorkspaceResponse {
            workspace: Some(answer::workspace(place)),
            token: String::new(),
            changes: foreseen.into_iter().map(change).collect(),
        });
    }
    let (place, written) = api
        .write(|tenancy| async move { move_workspace::run(&tenancy, &by, &there, command).await })
        .await?;
    Ok(pb::MoveWorkspaceResponse {
        workspace: Some(answer::workspace(place)),
        token: token::answer(&written),
        changes: Vec::new(),
    })
}

/// `message` comes without the token of the target account: a repetition may carry a newer one.
fn parse(
    context: &Context,
    mut message: pb::MoveWorkspaceRequest,
) -> Result<(AccountId, AccountId, Command), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let id = fields.take("workspace", message.workspace.parse());
    let target = fields.optional("target_account", &message.target_account);
    let target = target.and_then(|target| target.or(account));
    let parent = parent(&mut fields, target, &message.parent).flatten();
    let request_id = std::mem::take(&mut message.request_id);
    let request = request_key(&mut fields, context, &request_id, &message);
    let ((account, target), id) = fields.finish(account.zip(target).zip(id))?;
    let command = Command {
        id,
        parent,
        etag: Etag::of_request(&message.etag),
        request,
    };
    Ok((account, target, command))
}

fn change(of: Foreseen) -> EffectiveChange {
    let strength = |of: Strength| match of {
        Strength::None => PermissionStrength::None,
        Strength::Conditional => PermissionStrength::Conditional,
        Strength::NeedsApproval => PermissionStrength::NeedsApproval,
        Strength::Full => PermissionStrength::Full,
    };
    let shift = |(permission, before, after)| PermissionChange {
        permission,
        before: strength(before).into(),
        after: strength(after).into(),
    };
    EffectiveChange {
        subject: of.subject,
        scope: of.scope,
        gains: of.gains,
        loses: of.loses,
        changes: of.changes.into_iter().map(shift).collect(),
        r#type: of.type_name,
        account: of.account,
        email: of.email,
    }
}
