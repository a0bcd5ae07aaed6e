//! Lists users.

use bailiwick_identity_core::{
    email::Email,
    user::{self, list::Command},
};
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Fields, IntoStatus, Paging, Target};
use bailiwick_types::method::identity::ListUsers;
use tonic::{Request, Response, Status};

use super::{Handlers, message};

pub(super) async fn list_users(
    handlers: &Handlers,
    request: Request<pb::ListUsersRequest>,
) -> Result<Response<pb::ListUsersResponse>, Status> {
    let call = Call::<ListUsers, _>::new(request)?;
    let mut fields = Fields::new();
    let size = fields.page_size(call.message.page_size);
    let email = fields.optional::<Email>("email", &call.message.email);
    let (size, email) = fields.finish(size.zip(email))?;
    let list = ["ListUsers", &call.message.email];
    let paging = Paging::new(&list, size, &call.message.page_token)?;
    let by = handlers.guard.authorize(&call, &Target::none()).await?;
    let command = Command {
        after: paging.page.after,
        limit: paging.limit(),
        email: email.map(|email| email.key()),
    };
    let users = user::list(&handlers.identity, &by, &command).await;
    let (users, next_page_token) = paging.cut(users.map_err(IntoStatus::into_status)?, |user| user.id);
    Ok(Response::new(pb::ListUsersResponse {
        users: users.iter().map(message).collect(),
        next_page_token,
    }))
}
