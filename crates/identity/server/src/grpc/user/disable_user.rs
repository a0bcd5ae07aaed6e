//! Disables a user.

use std::sync::Arc;

use bailiwick_identity_core::user;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Fields, Target, token};
use bailiwick_types::{Subject, method::identity::DisableUser};
use tonic::{Request, Response, Status};

use super::{Handlers, message};

pub(super) async fn disable_user(
    handlers: &Handlers,
    request: Request<pb::DisableUserRequest>,
) -> Result<Response<pb::DisableUserResponse>, Status> {
    let call = Call::<DisableUser, _>::new(request)?;
    let mut fields = Fields::new();
    let id = fields.required("user", &call.message.user);
    let id = fields.finish(id)?;
    let by = handlers.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&handlers.authenticator);
    let disable = handlers.write(|identity| async move {
        let done = user::disable(&identity, &by, id).await?;
        authenticator.forget_subject(&Subject::user(id));
        Ok::<_, user::disable::Error>(done)
    });
    let done = disable.await?;
    Ok(Response::new(pb::DisableUserResponse {
        user: Some(message(&done.user)),
        token: token::encode(&done.token),
    }))
}
