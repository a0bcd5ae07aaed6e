//! Lists users.

use bailiwick_identity_core::user::{self, list::Command};
use bailiwick_rpc::Paging;
use bailiwick_types::{Email, method::identity::ListUsers};

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListUsers, pb::ListUsersRequest>,
) -> Result<pb::ListUsersResponse, Status> {
    let mut fields = Fields::new();
    let size = fields.page_size(call.message.page_size);
    let email = fields.optional::<Email>("email", &call.message.email);
    let (size, email) = fields.finish(size.zip(email))?;
    let list = ["ListUsers", &call.message.email];
    let paging = Paging::new(&list, size, &call.message.page_token)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let command = Command {
        after: paging.page.after,
        limit: paging.limit(),
        email: email.map(|email| email.key()),
    };
    let users = user::list(&api.identity, &by, &command).await;
    let (users, next_page_token) = paging.cut(users.map_err(IntoStatus::into_status)?, |user| user.id);
    Ok(pb::ListUsersResponse {
        users: users.iter().map(message).collect(),
        next_page_token,
    })
}
