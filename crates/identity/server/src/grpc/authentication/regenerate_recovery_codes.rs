//! Makes new recovery codes.

use bailiwick_identity_core::second_factor;
use bailiwick_types::method::identity::RegenerateRecoveryCodes;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RegenerateRecoveryCodes, pb::RegenerateRecoveryCodesRequest>,
) -> Result<pb::RegenerateRecoveryCodesResponse, Status> {
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let regenerate = api.write(|identity| async move { second_factor::regenerate(&identity, &by).await });
    let (codes, token) = regenerate.await?;
    Ok(pb::RegenerateRecoveryCodesResponse {
        recovery_codes: codes.expose(),
        token: token::answer(&token),
    })
}
