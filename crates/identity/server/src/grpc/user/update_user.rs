//! Changes the profile of a user.

use bailiwick_identity_core::user::{self, update::Command};
use bailiwick_types::{Subject, UserId, method::identity::UpdateUser};

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<UpdateUser, pb::UpdateUserRequest>,
) -> Result<pb::UpdateUserResponse, Status> {
    let (id, command) = parse(&call.message)?;
    let target = Target::none().owned_by(Subject::user(id));
    let by = api.guard.authorize(&call, &target).await?;
    let update = api.write(|identity| async move { user::update(&identity, &by, id, &command).await });
    let (user, token) = update.await?;
    Ok(pb::UpdateUserResponse {
        user: Some(message(&user)),
        token: token::answer(&token),
    })
}

fn parse(request: &pb::UpdateUserRequest) -> Result<(UserId, Command), Status> {
    let mut fields = Fields::new();
    let id = fields.required("user", &request.user);
    let none = pb::UserChanges::default();
    let changes = request.changes.as_ref().unwrap_or(&none);
    let known = [
        ("display_name", !changes.display_name.is_empty()),
        ("locale", !changes.locale.is_empty()),
    ];
    let mask = fields.mask(request.update_mask.as_ref(), &known);
    let named = |name: &str| mask.iter().any(|path| path == name);
    let name =
        named("display_name").then(|| fields.take("changes.display_name", changes.display_name.parse()));
    let locale = named("locale").then(|| fields.take("changes.locale", changes.locale.parse()));
    let id = fields.finish(id)?;
    let command = Command {
        display_name: name.flatten(),
        locale: locale.flatten(),
    };
    Ok((id, command))
}
