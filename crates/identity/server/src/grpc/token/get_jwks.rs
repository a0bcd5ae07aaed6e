//! Reads the key set.

use bailiwick_identity_core::token;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, IntoStatus, Target};
use bailiwick_types::method::identity::GetJwks;
use tonic::{Request, Response, Status};

use super::Handlers;

pub(super) async fn get_jwks(
    handlers: &Handlers,
    request: Request<pb::GetJwksRequest>,
) -> Result<Response<pb::GetJwksResponse>, Status> {
    let call = Call::<GetJwks, _>::new(request)?;
    handlers.guard.authorize(&call, &Target::none()).await?;
    let jwks = token::get_jwks(&handlers.identity).await;
    let jwks = jwks.map_err(IntoStatus::into_status)?;
    Ok(Response::new(pb::GetJwksResponse { jwks }))
}
