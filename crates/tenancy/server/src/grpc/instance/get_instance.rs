//! `GetInstance`.

use bailiwick_proto::tenancy::v1 as pb;
use bailiwick_rpc::{Call, IntoStatus, Target};
use bailiwick_tenancy_core::place::get;
use bailiwick_types::{Scope, method::tenancy::GetInstance};
use tonic::Status;

use super::named;
use crate::grpc::{Api, answer};

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
