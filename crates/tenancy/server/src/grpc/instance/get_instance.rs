//! `GetInstance`.

use bailiwick_tenancy_core::place::get;
use bailiwick_types::{Scope, method::tenancy::GetInstance};

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetInstance, pb::GetInstanceRequest>,
) -> Result<pb::GetInstanceResponse, Status> {
    let (account, instance) = named(&call.message.account, &call.message.instance)?;
    let target = Target::scope(account, &Scope::Instance(instance));
    let by = api.authorize(&call, &target).await?;
    let place = get::run(&api.tenancy, &by, instance)
        .await
        .map_err(IntoStatus::into_status)?;
    Ok(pb::GetInstanceResponse {
        instance: Some(answer::instance(place)),
    })
}
