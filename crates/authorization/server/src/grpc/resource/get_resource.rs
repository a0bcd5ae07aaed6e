//! `GetResource`.

use bailiwick_types::{Refused, method::authorization::GetResource};

use super::{named, target};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetResource, pb::GetResourceRequest>,
) -> Result<pb::GetResourceResponse, Status> {
    let (account, name) = named(&call.message.account, &call.message.resource)?;
    let by = api.authorize(&call, &[], &target(account, &name)).await?;
    let found = api.snapshot(&by).await?.resource(&name).await.map_err(status)?;
    let found = found.ok_or_else(|| status(Refused::NotFound("resource")))?;
    Ok(pb::GetResourceResponse {
        resource: Some(convert::resource(found)),
    })
}
