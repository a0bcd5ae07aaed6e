//! Resources.

use bailiwick_authorization_core::{
    resource::Name,
    use_case::{
        move_resource,
        register_resource::{self, MAX_TITLE, Owner},
        transfer_resource, unregister_resource, update_resource,
    },
};
use bailiwick_proto::authorization::v1::{self as pb, resource_service_server::ResourceService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::{AccountId, Refused, Subject};
use tonic::{Request, Response, Status};

use super::{Api, convert, page, status, text};

pub(super) fn register_command(
    request: pb::RegisterResourceRequest,
) -> Result<register_resource::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let name = fields.take("resource", request.resource.parse::<Name>());
    let scope = fields.scope("scope", &request.scope, account);
    let parent = fields.optional::<Name>("parent", &request.parent);
    let title = fields.short("title", &request.title, MAX_TITLE);
    let owner = match request.owner.as_deref() {
        None => Some(Owner::Caller),
        Some("") => Some(Owner::Nobody),
        Some(text) => fields.take("owner", text.parse()).map(Owner::Is),
    };
    let attributes = request.attributes.map(convert::map_of).unwrap_or_default();
    let command = (|| {
        Some(register_resource::Command {
            account: account?,
            name: name?,
            scope: scope?,
            owner: owner?,
            parent: parent?,
            title: title?,
            attributes,
        })
    })();
    fields.finish(command)
}

pub(super) fn update_command(request: pb::UpdateResourceRequest) -> Result<update_resource::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let name = fields.take("resource", request.resource.parse::<Name>());
    let title = match &request.title {
        None => Some(None),
        Some(title) => fields.short("title", title, MAX_TITLE).map(Some),
    };
    let parent = match &request.parent {
        None => Some(None),
        Some(parent) => fields.optional::<Name>("parent", parent).map(Some),
    };
    let attributes = request.attributes.map(convert::map_of).unwrap_or_default();
    let command = (|| {
        Some(update_resource::Command {
            account: account?,
            name: name?,
            title: title?,
            parent: parent?,
            attributes,
        })
    })();
    fields.finish(command)
}

fn named(account: &str, resource: &str) -> Result<(AccountId, Name), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let name = fields.take("resource", resource.parse::<Name>());
    fields.finish(account.zip(name))
}

fn on(account: AccountId, name: &Name) -> Target {
    Target::resource(account, &name.to_string())
}

#[tonic::async_trait]
impl ResourceService for Api {
    async fn register_resource(
        &self,
        request: Request<pb::RegisterResourceRequest>,
    ) -> Result<Response<pb::RegisterResourceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let validate_only = request.get_ref().validate_only;
        let command = register_command(request.into_inner())?;
        let owner = match &command.owner {
            Owner::Is(owner) => Some(owner),
            Owner::Caller | Owner::Nobody => None,
        };
        self.wait(&context, command.account, owner.as_slice()).await?;
        let target = Target::scope(command.account, &command.scope).of_type(command.name.of.as_str());
        let by = self.guard.authorize_any(&context, target).await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                register_resource::preview,
                register_resource::execute,
            )
            .await?;
        Ok(Response::new(pb::RegisterResourceResponse {
            resource: done.made.map(convert::resource),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn get_resource(
        &self,
        request: Request<pb::GetResourceRequest>,
    ) -> Result<Response<pb::GetResourceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, name) = named(&request.get_ref().account, &request.get_ref().resource)?;
        self.wait(&context, account, &[]).await?;
        let by = self.guard.authorize_any(&context, on(account, &name)).await?;
        let read = self.read(&by, account).await?;
        let found = read
            .resource(&name)
            .await
            .map_err(status)?
            .ok_or_else(|| status(Refused::NotFound("resource")))?;
        Ok(Response::new(pb::GetResourceResponse {
            resource: Some(convert::resource(found)),
        }))
    }

    async fn update_resource(
        &self,
        request: Request<pb::UpdateResourceRequest>,
    ) -> Result<Response<pb::UpdateResourceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let validate_only = request.get_ref().validate_only;
        let command = update_command(request.into_inner())?;
        self.wait(&context, command.account, &[]).await?;
        let target = on(command.account, &command.name);
        let by = self.guard.authorize_any(&context, target).await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                update_resource::preview,
                update_resource::execute,
            )
            .await?;
        Ok(Response::new(pb::UpdateResourceResponse {
            resource: done.made.map(convert::resource),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn unregister_resource(
        &self,
        request: Request<pb::UnregisterResourceRequest>,
    ) -> Result<Response<pb::UnregisterResourceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let validate_only = request.get_ref().validate_only;
        let (account, name) = named(&request.get_ref().account, &request.get_ref().resource)?;
        self.wait(&context, account, &[]).await?;
        let by = self.guard.authorize_any(&context, on(account, &name)).await?;
        let command = unregister_resource::Command { account, name };
        let done = self
            .write(
                &by,
                command,
                validate_only,
                unregister_resource::preview,
                unregister_resource::execute,
            )
            .await?;
        Ok(Response::new(pb::UnregisterResourceResponse {
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn list_resources_in_scope(
        &self,
        request: Request<pb::ListResourcesInScopeRequest>,
    ) -> Result<Response<pb::ListResourcesInScopeResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let size = fields.page_size(request.page_size);
        let scope = fields.optional_scope("scope", &request.scope, account);
        let of = fields.text("type", &request.r#type, 63);
        let parsed = (|| Some((account?, size?.get(), scope?, of?)))();
        let (account, size, scope, of) = fields.finish(parsed)?;
        let at = text(scope.as_ref());
        let list = ["ListResourcesInScope", &request.account, &of, &at];
        let mut after: Option<String> = pages::decode(&list, &request.page_token).map_err(status)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let mut shown = Vec::new();
        let mut more = true;
        // What the caller may not view is passed; a page is full or the last one.
        while more && (shown.len() as u64) < size {
            let read = self.read(&by, account).await?;
            let rows = read
                .resources(&of, scope.as_ref(), after.as_deref(), size + 1)
                .await
                .map_err(status)?;
            drop(read);
            let (rows, further) = page(rows, size);
            more = further;
            let targets: Vec<String> = rows.iter().map(|row| row.name.to_string()).collect();
            let visible = self
                .guard
                .filter_resources(&context, account, &of, &targets)
                .await?;
            for (row, visible) in rows.into_iter().zip(visible) {
                if shown.len() as u64 == size {
                    more = true;
                    break;
                }
                after = Some(row.name.id.clone());
                if visible {
                    shown.push(row);
                }
            }
        }
        let next = after.filter(|_| more).map(|after| pages::encode(&list, &after));
        Ok(Response::new(pb::ListResourcesInScopeResponse {
            resources: shown.into_iter().map(convert::resource).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn transfer_resource(
        &self,
        request: Request<pb::TransferResourceRequest>,
    ) -> Result<Response<pb::TransferResourceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let validate_only = request.validate_only;
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let name = fields.take("resource", request.resource.parse::<Name>());
        let to: Option<Subject> = fields.take("to", request.to.parse());
        let command = (|| {
            Some(transfer_resource::Command {
                account: account?,
                name: name?,
                to: to?,
            })
        })();
        let command = fields.finish(command)?;
        self.wait(&context, command.account, &[&command.to]).await?;
        let target = Target::account(command.account);
        let by = self.guard.authorize_any(&context, target).await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                transfer_resource::preview,
                transfer_resource::execute,
            )
            .await?;
        Ok(Response::new(pb::TransferResourceResponse {
            resource: done.made.map(convert::resource),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn move_resource(
        &self,
        request: Request<pb::MoveResourceRequest>,
    ) -> Result<Response<pb::MoveResourceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let validate_only = request.validate_only;
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let name = fields.take("resource", request.resource.parse::<Name>());
        let scope = fields.scope("scope", &request.scope, account);
        let command = (|| {
            Some(move_resource::Command {
                account: account?,
                name: name?,
                scope: scope?,
            })
        })();
        let command = fields.finish(command)?;
        self.wait(&context, command.account, &[]).await?;
        let target = on(command.account, &command.name);
        let by = self.guard.authorize_any(&context, target).await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                move_resource::preview,
                move_resource::execute,
            )
            .await?;
        Ok(Response::new(pb::MoveResourceResponse {
            resource: done.made.map(convert::resource),
            token: done.token,
            changes: done.changes,
        }))
    }
}
