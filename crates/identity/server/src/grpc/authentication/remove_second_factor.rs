//! Removes the second factor of the caller.

use bailiwick_identity_core::second_factor;
use bailiwick_types::method::identity::RemoveSecondFactor;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RemoveSecondFactor, pb::RemoveSecondFactorRequest>,
) -> Result<pb::RemoveSecondFactorResponse, Status> {
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let remove = api.write(|identity| async move { second_factor::remove(&identity, &by).await });
    let token = remove.await?;
    Ok(pb::RemoveSecondFactorResponse {
        token: token::answer(&token),
    })
}
