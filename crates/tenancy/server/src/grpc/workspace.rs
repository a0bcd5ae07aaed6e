//! Workspaces.

use bailiwick_proto::tenancy::v1::{self as pb, workspace_service_server::WorkspaceService};
use bailiwick_rpc::{Context, IntoStatus, Target, later, token};
use bailiwick_tenancy_core::{
    Etag,
    place::{self, CreateWorkspace, DeletePlace, PlaceFilter, PlaceId, UpdatePlace},
};
use bailiwick_types::{AccountId, Level, Scope, WorkspaceId};
use tonic::{Request, Response, Status};

use super::{
    Api, answer, may_know,
    parse::{Fields, request_key},
    viewer::{Caller, list_status},
};

fn create_command(
    context: &Context,
    mut request: pb::CreateWorkspaceRequest,
) -> Result<CreateWorkspace, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let title = fields.title("title", &request.title);
    let parent = fields.parent(account, &request.parent).flatten();
    let id = fields.request_id(&std::mem::take(&mut request.request_id));
    let key = request_key(context, id, &request);
    let command = account.zip(title).map(|(account, title)| CreateWorkspace {
        account,
        parent,
        title,
        request: key,
    });
    fields.with(command)
}

fn update_command(request: &pb::UpdateWorkspaceRequest) -> Result<UpdatePlace, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let workspace = fields.workspace(&request.workspace);
    let changes = request.changes.clone().unwrap_or_default();
    fields.mask(
        request.update_mask.as_ref(),
        &[("title", !changes.title.is_empty())],
    );
    let title = fields.title("changes.title", &changes.title);
    let command = account
        .zip(workspace)
        .zip(title)
        .map(|((account, workspace), title)| UpdatePlace {
            account,
            id: PlaceId::Workspace(workspace),
            title,
            etag: Etag::of_request(&request.etag),
        });
    fields.with(command)
}

fn named(account: &str, workspace: &str) -> Result<(AccountId, WorkspaceId), Status> {
    let mut fields = Fields::new();
    let both = fields.account(account).zip(fields.workspace(workspace));
    fields.with(both)
}

#[tonic::async_trait]
impl WorkspaceService for Api {
    async fn create_workspace(
        &self,
        request: Request<pb::CreateWorkspaceRequest>,
    ) -> Result<Response<pb::CreateWorkspaceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = create_command(&context, request.into_inner())?;
        self.products(&context).await?;
        if may_know(&context, command.account) {
            place::workspace_fits(&*self.store, &command)
                .await
                .map_err(IntoStatus::into_status)?;
        }
        let parent = command
            .parent
            .map_or(Scope::Account(command.account), Scope::Instance);
        let target = Target::scope(command.account, &parent);
        let authorized = self.pass(&context, command.account, target).await?;
        let api = self.clone();
        let (place, written) = self
            .write(async move {
                let made =
                    place::create_workspace(&*api.store, &*api.clock, &*api.ids, &authorized, command).await;
                made.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::CreateWorkspaceResponse {
            workspace: Some(answer::workspace(place)),
            token: token::encode(&written),
        }))
    }

    async fn get_workspace(
        &self,
        request: Request<pb::GetWorkspaceRequest>,
    ) -> Result<Response<pb::GetWorkspaceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, workspace) = named(&request.get_ref().account, &request.get_ref().workspace)?;
        let target = Target::scope(account, &Scope::Workspace(workspace));
        let authorized = self.pass(&context, account, target).await?;
        let place = place::get(&*self.store, &authorized, account, PlaceId::Workspace(workspace)).await;
        Ok(Response::new(pb::GetWorkspaceResponse {
            workspace: Some(answer::workspace(place.map_err(IntoStatus::into_status)?)),
        }))
    }

    async fn list_workspaces(
        &self,
        request: Request<pb::ListWorkspacesRequest>,
    ) -> Result<Response<pb::ListWorkspacesResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let parent = fields.parent(account, &request.parent);
        let listing = fields.listing(
            &[context.method.path, &request.account, &request.parent],
            (
                &request.order_by,
                &request.search,
                request.page_size,
                &request.page_token,
            ),
        )?;
        let account = fields.with(account)?;
        self.pass(&context, account, Target::account(account)).await?;
        let filter = PlaceFilter {
            account,
            level: Level::Workspace,
            parent,
        };
        let viewer = Caller {
            guard: &self.guard,
            context: &context,
            account: Some(account),
        };
        let page = place::list(&*self.store, &viewer, &filter, &listing.query, &listing.page).await;
        let page = page.map_err(list_status)?;
        Ok(Response::new(pb::ListWorkspacesResponse {
            next_page_token: listing.next(page.next.as_ref()),
            workspaces: page.rows.into_iter().map(answer::workspace).collect(),
        }))
    }

    async fn update_workspace(
        &self,
        request: Request<pb::UpdateWorkspaceRequest>,
    ) -> Result<Response<pb::UpdateWorkspaceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = update_command(request.get_ref())?;
        let target = Target::scope(command.account, &command.id.scope());
        let authorized = self.pass(&context, command.account, target).await?;
        let api = self.clone();
        let (place, written) = self
            .write(async move {
                let changed = place::update(&*api.store, &*api.clock, &authorized, command).await;
                changed.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::UpdateWorkspaceResponse {
            workspace: Some(answer::workspace(place)),
            token: token::encode(&written),
        }))
    }

    async fn delete_workspace(
        &self,
        request: Request<pb::DeleteWorkspaceRequest>,
    ) -> Result<Response<pb::DeleteWorkspaceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let (account, workspace) = named(&request.account, &request.workspace)?;
        let command = DeletePlace {
            account,
            id: PlaceId::Workspace(workspace),
            etag: Etag::of_request(&request.etag),
            force: request.force,
        };
        let target = Target::scope(account, &command.id.scope());
        let authorized = self.pass(&context, account, target).await?;
        let api = self.clone();
        let written = self
            .write(async move {
                let done = place::delete(
                    &*api.store,
                    &*api.authorization,
                    &*api.clock,
                    &authorized,
                    command,
                )
                .await;
                done.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::DeleteWorkspaceResponse {
            token: token::encode(&written),
        }))
    }

    async fn move_workspace(
        &self,
        request: Request<pb::MoveWorkspaceRequest>,
    ) -> Result<Response<pb::MoveWorkspaceResponse>, Status> {
        Err(later(&request))
    }
}
