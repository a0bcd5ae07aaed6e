//! `GetSettings`.

use bailiwick_rpc::wire::struct_of;
use bailiwick_tenancy_core::{Etag, settings::get};
use bailiwick_types::method::tenancy::GetSettings;

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetSettings, pb::GetSettingsRequest>,
) -> Result<pb::GetSettingsResponse, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&call.message.account);
    let account = fields.finish(account)?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let (values, version) = get::run(&api.tenancy, &by)
        .await
        .map_err(IntoStatus::into_status)?;
    Ok(pb::GetSettingsResponse {
        values: Some(struct_of(values)),
        etag: Etag::of_version(version),
    })
}
