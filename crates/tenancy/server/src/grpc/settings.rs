//! Settings.

use std::collections::BTreeMap;

use bailiwick_proto::tenancy::v1::{self as pb, settings_service_server::SettingsService};
use bailiwick_rpc::{
    Context, IntoStatus, Target, token,
    wire::{map_of, struct_of},
};
use bailiwick_tenancy_core::{
    Etag,
    settings::{self, UpdateSettings},
};
use tonic::{Request, Response, Status};

use super::{Api, may_know, parse::Fields};

fn update_command(request: pb::UpdateSettingsRequest) -> Result<UpdateSettings, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let values: BTreeMap<_, _> = request
        .values
        .map(|values| map_of(values).into_iter().collect())
        .unwrap_or_default();
    if values.is_empty() {
        fields.bad("values", "must have something to set");
    }
    let command = account.map(|account| UpdateSettings {
        account,
        values,
        etag: Etag::of_request(&request.etag),
    });
    fields.with(command)
}

#[tonic::async_trait]
impl SettingsService for Api {
    async fn get_settings(
        &self,
        request: Request<pb::GetSettingsRequest>,
    ) -> Result<Response<pb::GetSettingsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let mut fields = Fields::new();
        let account = fields.account(&request.get_ref().account);
        let account = fields.with(account)?;
        self.products(&context).await?;
        let authorized = self.pass(&context, account, Target::account(account)).await?;
        let found = settings::get(&*self.store, &authorized, account).await;
        let (values, version) = found.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::GetSettingsResponse {
            values: Some(struct_of(values)),
            etag: Etag::of_version(version),
        }))
    }

    async fn update_settings(
        &self,
        request: Request<pb::UpdateSettingsRequest>,
    ) -> Result<Response<pb::UpdateSettingsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = update_command(request.into_inner())?;
        self.products(&context).await?;
        if may_know(&context, command.account) {
            settings::fits(&*self.store, &command)
                .await
                .map_err(IntoStatus::into_status)?;
        }
        let authorized = self
            .pass(&context, command.account, Target::account(command.account))
            .await?;
        let account = command.account;
        let api = self.clone();
        let (values, version, written) = self
            .write(async move {
                let done = settings::update(&*api.store, &authorized, command).await;
                done.map_err(IntoStatus::into_status)
            })
            .await?;
        self.seen(context, account, &written).await;
        Ok(Response::new(pb::UpdateSettingsResponse {
            values: Some(struct_of(values)),
            etag: Etag::of_version(version),
            token: token::encode(&written),
        }))
    }
}
