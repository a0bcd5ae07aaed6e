//! `UserService`.

mod batch_get_users;
mod create_user;
mod delete_user;
mod disable_user;
mod enable_user;
mod get_user;
mod list_users;
mod update_user;

use bailiwick_identity_core::user::{User, UserState};
use bailiwick_proto::identity::v1::{self as pb, user_service_server::UserService};
use bailiwick_rpc::wire::timestamp;

use super::Api;

bailiwick_rpc::serve! {
    Api: UserService {}
    create_user(CreateUserRequest) -> CreateUserResponse;
    get_user(GetUserRequest) -> GetUserResponse;
    batch_get_users(BatchGetUsersRequest) -> BatchGetUsersResponse;
    list_users(ListUsersRequest) -> ListUsersResponse;
    disable_user(DisableUserRequest) -> DisableUserResponse;
    enable_user(EnableUserRequest) -> EnableUserResponse;
    delete_user(DeleteUserRequest) -> DeleteUserResponse;
    update_user(UpdateUserRequest) -> UpdateUserResponse;
}

/// A user as a message.
fn message(user: &User) -> pb::User {
    pb::User {
        user: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        email_verified: user.email_verified,
        display_name: user.display_name.as_str().to_owned(),
        state: match user.state {
            UserState::Active => pb::UserState::Active,
            UserState::Disabled => pb::UserState::Disabled,
        }
        .into(),
        operator: user.operator,
        create_time: Some(timestamp(user.created)),
        version: user.version,
        locale: user.locale.as_str().to_owned(),
    }
}
