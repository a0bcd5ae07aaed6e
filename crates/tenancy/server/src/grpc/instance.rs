//! Instances.

use bailiwick_proto::tenancy::v1::{self as pb, instance_service_server::InstanceService};
use bailiwick_rpc::{Context, IntoStatus, Target, token};
use bailiwick_tenancy_core::{
    Etag,
    place::{self, CreateInstance, DeletePlace, PlaceFilter, PlaceId, UpdatePlace},
};
use bailiwick_types::{AccountId, InstanceId, Level, Scope};
use tonic::{Request, Response, Status};

use super::{
    Api, answer, may_know,
    parse::{Fields, request_key},
    viewer::{Caller, list_status},
};

fn create_command(
    context: &Context,
    mut request: pb::CreateInstanceRequest,
) -> Result<CreateInstance, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let title = fields.title("title", &request.title);
    let id = fields.request_id(&std::mem::take(&mut request.request_id));
    let key = request_key(context, id, &request);
    let command = account.zip(title).map(|(account, title)| CreateInstance {
        account,
        title,
        edition: request.edition,
        request: key,
    });
    fields.with(command)
}

fn update_command(request: &pb::UpdateInstanceRequest) -> Result<UpdatePlace, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let instance = fields.instance(&request.instance);
    let changes = request.changes.clone().unwrap_or_default();
    fields.mask(
        request.update_mask.as_ref(),
        &[("title", !changes.title.is_empty())],
    );
    let title = fields.title("changes.title", &changes.title);
    let command = account
        .zip(instance)
        .zip(title)
        .map(|((account, instance), title)| UpdatePlace {
            account,
            id: PlaceId::Instance(instance),
            title,
            etag: Etag::of_request(&request.etag),
        });
    fields.with(command)
}

fn named(account: &str, instance: &str) -> Result<(AccountId, InstanceId), Status> {
    let mut fields = Fields::new();
    let both = fields.account(account).zip(fields.instance(instance));
    fields.with(both)
}

#[tonic::async_trait]
impl InstanceService for Api {
    async fn create_instance(
        &self,
        request: Request<pb::CreateInstanceRequest>,
    ) -> Result<Response<pb::CreateInstanceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = create_command(&context, request.into_inner())?;
        self.products(&context).await?;
        if may_know(&context, command.account) {
            place::instance_fits(&*self.store, &command)
                .await
                .map_err(IntoStatus::into_status)?;
        }
        let authorized = self
            .pass(&context, command.account, Target::account(command.account))
            .await?;
        let api = self.clone();
        let (place, written) = self
            .write(async move {
                let made =
                    place::create_instance(&*api.store, &*api.clock, &*api.ids, &authorized, command).await;
                made.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::CreateInstanceResponse {
            instance: Some(answer::instance(place)),
            token: token::encode(&written),
        }))
    }

    async fn get_instance(
        &self,
        request: Request<pb::GetInstanceRequest>,
    ) -> Result<Response<pb::GetInstanceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, instance) = named(&request.get_ref().account, &request.get_ref().instance)?;
        let target = Target::scope(account, &Scope::Instance(instance));
        let authorized = self.pass(&context, account, target).await?;
        let place = place::get(&*self.store, &authorized, account, PlaceId::Instance(instance)).await;
        Ok(Response::new(pb::GetInstanceResponse {
            instance: Some(answer::instance(place.map_err(IntoStatus::into_status)?)),
        }))
    }

    async fn list_instances(
        &self,
        request: Request<pb::ListInstancesRequest>,
    ) -> Result<Response<pb::ListInstancesResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let listing = fields.listing(
            &[context.method.path, &request.account],
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
            level: Level::Instance,
            parent: None,
        };
        let viewer = Caller {
            guard: &self.guard,
            context: &context,
            account: Some(account),
        };
        let page = place::list(&*self.store, &viewer, &filter, &listing.query, &listing.page).await;
        let page = page.map_err(list_status)?;
        Ok(Response::new(pb::ListInstancesResponse {
            next_page_token: listing.next(page.next.as_ref()),
            instances: page.rows.into_iter().map(answer::instance).collect(),
        }))
    }

    async fn update_instance(
        &self,
        request: Request<pb::UpdateInstanceRequest>,
    ) -> Result<Response<pb::UpdateInstanceResponse>, Status> {
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
        Ok(Response::new(pb::UpdateInstanceResponse {
            instance: Some(answer::instance(place)),
            token: token::encode(&written),
        }))
    }

    async fn delete_instance(
        &self,
        request: Request<pb::DeleteInstanceRequest>,
    ) -> Result<Response<pb::DeleteInstanceResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let (account, instance) = named(&request.account, &request.instance)?;
        let command = DeletePlace {
            account,
            id: PlaceId::Instance(instance),
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
        Ok(Response::new(pb::DeleteInstanceResponse {
            token: token::encode(&written),
        }))
    }
}
