//! Consumes the step-up of a session, for another service.

use bailiwick_identity_core::session;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Fields, Target};
use bailiwick_types::method::identity::ConsumeStepUp;
use tonic::{Request, Response, Status};

use super::Handlers;

pub(super) async fn consume_step_up(
    handlers: &Handlers,
    request: Request<pb::ConsumeStepUpRequest>,
) -> Result<Response<pb::ConsumeStepUpResponse>, Status> {
    let call = Call::<ConsumeStepUp, _>::new(request)?;
    let mut fields = Fields::new();
    let id = fields.required("session", &call.message.session);
    let id = fields.finish(id)?;
    let by = handlers.guard.authorize(&call, &Target::none()).await?;
    let consume =
        handlers.write(|identity| async move { session::consume_step_up(&identity, &by, id).await });
    consume.await?;
    Ok(Response::new(pb::ConsumeStepUpResponse {}))
}
