//! Makes the secret of an authenticator.

use bailiwick_identity_core::second_factor;
use bailiwick_types::method::identity::EnrollSecondFactor;
use secrecy::ExposeSecret;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<EnrollSecondFactor, pb::EnrollSecondFactorRequest>,
) -> Result<pb::EnrollSecondFactorResponse, Status> {
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let enroll = api.write(|identity| async move { second_factor::enroll(&identity, &by).await });
    let made = enroll.await?;
    Ok(pb::EnrollSecondFactorResponse {
        secret: made.secret.expose_secret().to_owned(),
        uri: made.uri.expose_secret().to_owned(),
    })
}
