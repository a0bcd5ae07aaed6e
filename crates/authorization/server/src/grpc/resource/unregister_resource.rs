//! `UnregisterResource`.

use bailiwick_authorization_core::resource::unregister::Unregister;
use bailiwick_types::method::authorization::UnregisterResource;

use super::{named, target};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<UnregisterResource, pb::UnregisterResourceRequest>,
) -> Result<pb::UnregisterResourceResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (account, name) = named(&call.message.account, &call.message.resource)?;
    let by = api.authorize(&call, &[], &target(account, &name)).await?;
    let answer = api.run(by, Unregister { name }).await?;
    Ok(pb::UnregisterResourceResponse {
        token: answer.token,
        changes: answer.changes,
    })
}
