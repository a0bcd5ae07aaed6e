//! Reads the key set.

use bailiwick_identity_core::token;
use bailiwick_types::method::identity::GetJwks;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetJwks, pb::GetJwksRequest>,
) -> Result<pb::GetJwksResponse, Status> {
    api.guard.authorize(&call, &Target::none()).await?;
    let jwks = token::get_jwks(&api.identity).await;
    let jwks = jwks.map_err(IntoStatus::into_status)?;
    Ok(pb::GetJwksResponse { jwks })
}
