//! Proves the address of a user with a mailed secret.

use bailiwick_identity_core::user;
use bailiwick_types::method::identity::VerifyEmail;

use super::Api;
use crate::grpc::prelude::*;
use crate::grpc::secret;

pub(super) async fn handle(
    api: &Api,
    call: Call<VerifyEmail, pb::VerifyEmailRequest>,
) -> Result<pb::VerifyEmailResponse, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let secret = secret(&mut fields, "secret", request.secret);
    let secret = fields.finish(secret)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let verify = api.write(|identity| async move { user::verify_email(&identity, &by, &secret).await });
    let token = verify.await?;
    Ok(pb::VerifyEmailResponse {
        token: token::answer(&token),
    })
}
