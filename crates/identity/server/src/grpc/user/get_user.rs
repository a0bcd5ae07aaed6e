//! Reads a user.

use bailiwick_identity_core::user;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Fields, IntoStatus, Target};
use bailiwick_types::{Subject, method::identity::GetUser};
use tonic::{Request, Response, Status};

use super::{Handlers, message};

pub(super) async fn get_user(
    handlers: &Handlers,
    request: Request<pb::GetUserRequest>,
) -> Result<Response<pb::GetUserResponse>, Status> {
    let call = Call::<GetUser, _>::new(request)?;
    let mut fields = Fields::new();
    let id = fields.required("user", &call.message.user);
    let id = fields.finish(id)?;
    let target = Target::none().owned_by(Subject::user(id));
    let by = handlers.guard.authorize(&call, &target).await?;
    let user = user::get(&handlers.identity, &by, id).await;
    let user = user.map_err(IntoStatus::into_status)?;
    Ok(Response::new(pb::GetUserResponse {
        user: Some(message(&user)),
    }))
}
