//! Creates a user.

use bailiwick_identity_core::user::{self, create::Command};
use bailiwick_types::method::identity::CreateUser;

use super::{Api, message};
use crate::grpc::{new_password, prelude::*};

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateUser, pb::CreateUserRequest>,
) -> Result<pb::CreateUserResponse, Status> {
    let (call, request) = call.split();
    let command = command(request)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let create = api.write(|identity| async move { user::create(&identity, &by, &command).await });
    let (user, token) = create.await?;
    Ok(pb::CreateUserResponse {
        user: Some(message(&user)),
        token: token::answer(&token),
    })
}

fn command(request: pb::CreateUserRequest) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let email = fields.required("email", &request.email);
    let display_name = fields.take("display_name", request.display_name.parse());
    let password = match request.password {
        none if none.is_empty() => Some(None),
        text => new_password(&mut fields, "password", text).map(Some),
    };
    let request_id = fields.optional("request_id", &request.request_id);
    fields.finish_with(|| {
        Some(Command {
            email: email?,
            display_name: display_name?,
            password: password?,
            email_verified: request.email_verified,
            request_id: request_id?,
        })
    })
}
