//! Enables a user.

use bailiwick_identity_core::user;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Fields, Target, token};
use bailiwick_types::method::identity::EnableUser;
use tonic::{Request, Response, Status};

use super::{Handlers, message};

pub(super) async fn enable_user(
    handlers: &Handlers,
    request: Request<pb::EnableUserRequest>,
) -> Result<Response<pb::EnableUserResponse>, Status> {
    let call = Call::<EnableUser, _>::new(request)?;
    let mut fields = Fields::new();
    let id = fields.required("user", &call.message.user);
    let id = fields.finish(id)?;
    let by = handlers.guard.authorize(&call, &Target::none()).await?;
    let enable = handlers.write(|identity| async move { user::enable(&identity, &by, id).await });
    let (user, token) = enable.await?;
    Ok(Response::new(pb::EnableUserResponse {
        user: Some(message(&user)),
        token: token::encode(&token),
    }))
}
