//! Mails the caller a secret that proves its address.

use bailiwick_identity_core::user;
use bailiwick_types::method::identity::SendVerification;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<SendVerification, pb::SendVerificationRequest>,
) -> Result<pb::SendVerificationResponse, Status> {
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let write = api.write(|identity| async move { user::send_verification(&identity, &by).await });
    write.await?;
    Ok(pb::SendVerificationResponse {})
}
