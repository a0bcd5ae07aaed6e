//! Signs a user out.

use std::sync::Arc;

use bailiwick_identity_core::session;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Target, token};
use bailiwick_types::method::identity::SignOut;
use tonic::{Request, Response, Status};

use super::Handlers;

pub(super) async fn sign_out(
    handlers: &Handlers,
    request: Request<pb::SignOutRequest>,
) -> Result<Response<pb::SignOutResponse>, Status> {
    let call = Call::<SignOut, _>::new(request)?;
    let by = handlers.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&handlers.authenticator);
    let sign_out = handlers.write(|identity| async move {
        let (session, token) = session::sign_out(&identity, &by).await?;
        authenticator.forget_session(session);
        Ok::<_, session::sign_out::Error>(token)
    });
    let token = sign_out.await?;
    Ok(Response::new(pb::SignOutResponse {
        token: token::encode(&token),
    }))
}
