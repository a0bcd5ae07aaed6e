//! Consumes the step-up of a session, for another service.

use bailiwick_identity_core::session::{self, consume_step_up::Command};
use bailiwick_rpc::RequestDigest;
use bailiwick_types::method::identity::ConsumeStepUp;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ConsumeStepUp, pb::ConsumeStepUpRequest>,
) -> Result<pb::ConsumeStepUpResponse, Status> {
    let mut fields = Fields::new();
    let session = fields.required("session", &call.message.session);
    let method = fields.text("method", &call.message.method, 256);
    let request: Result<[u8; 32], _> = call.message.request_digest.as_slice().try_into();
    let request = request.map_err(|_| "must be the SHA-256 of the request");
    let request = fields.take("request_digest", request);
    let command = fields.finish_with(|| {
        Some(Command {
            session: session?,
            method: method?,
            request: RequestDigest(request?),
        })
    })?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let consume =
        api.write(|identity| async move { session::consume_step_up(&identity, &by, &command).await });
    consume.await?;
    Ok(pb::ConsumeStepUpResponse {})
}
