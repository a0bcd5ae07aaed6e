//! `GetSettings`.

use bailiwick_proto::tenancy::v1 as pb;
use bailiwick_rpc::{Call, Fields, IntoStatus, Target, wire::struct_of};
use bailiwick_tenancy_core::{Etag, settings::get};
use bailiwick_types::method::tenancy::GetSettings;
use tonic::Status;

use crate::grpc::Api;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetSettings, pb::GetSettingsRequest>,
) -> Result<pb::GetSettingsResponse, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&call.message.account);
    let account = fields.finish(account)?;
    api.wait_for_products(&call.context).await?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let (values, version) = get::run(&api.tenancy, &by)
        .await
        .map_err(IntoStatus::into_status)?;
    Ok(pb::GetSettingsResponse {
        values: Some(struct_of(values)),
        etag: Etag::of_version(version),
    })
}
