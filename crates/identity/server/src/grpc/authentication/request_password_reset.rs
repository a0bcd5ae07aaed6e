//! Mails a secret with which a password can be replaced.

use bailiwick_identity_core::{
    attempt::ClientNetwork,
    user::{self, request_password_reset::Command},
};
use bailiwick_types::method::identity::RequestPasswordReset;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RequestPasswordReset, pb::RequestPasswordResetRequest>,
) -> Result<pb::RequestPasswordResetResponse, Status> {
    let mut fields = Fields::new();
    let email = fields.required("email", &call.message.email);
    let command = Command {
        email: fields.finish(email)?,
        network: ClientNetwork::from(call.context.client),
    };
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let write =
        api.write(|identity| async move { user::request_password_reset(&identity, &by, &command).await });
    write.await?;
    Ok(pb::RequestPasswordResetResponse {})
}
