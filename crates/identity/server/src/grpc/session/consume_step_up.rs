//! Consumes the step-up of a session, for another service.

use bailiwick_identity_core::session;
use bailiwick_types::method::identity::ConsumeStepUp;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ConsumeStepUp, pb::ConsumeStepUpRequest>,
) -> Result<pb::ConsumeStepUpResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("session", &call.message.session);
    let id = fields.finish(id)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let consume = api.write(|identity| async move { session::consume_step_up(&identity, &by, id).await });
    consume.await?;
    Ok(pb::ConsumeStepUpResponse {})
}
