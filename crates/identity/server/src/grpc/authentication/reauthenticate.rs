//! Verifies the password of a session's user again.

use bailiwick_identity_core::session;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Fields, Target, wire::timestamp};
use bailiwick_types::method::identity::Reauthenticate;
use tonic::{Request, Response, Status};

use super::Handlers;
use crate::grpc::secret;

pub(super) async fn reauthenticate(
    handlers: &Handlers,
    request: Request<pb::ReauthenticateRequest>,
) -> Result<Response<pb::ReauthenticateResponse>, Status> {
    let (call, request) = Call::<Reauthenticate, _>::new(request)?.split();
    let mut fields = Fields::new();
    let password = secret(&mut fields, "password", request.password);
    let password = fields.finish(password)?;
    let by = handlers.guard.authorize(&call, &Target::none()).await?;
    let verify =
        handlers.write(|identity| async move { session::reauthenticate(&identity, &by, &password).await });
    let until = verify.await?;
    Ok(Response::new(pb::ReauthenticateResponse {
        expire_time: Some(timestamp(until)),
    }))
}
