//! `UserService`.

mod batch_get_users;
mod create_user;
mod disable_user;
mod enable_user;
mod get_user;
mod list_users;

use bailiwick_identity_core::user::{User, UserState};
use bailiwick_proto::identity::v1::{self as pb, user_service_server::UserService};
use bailiwick_rpc::{later, wire::timestamp};
use tonic::{Request, Response, Status, async_trait};

use super::Handlers;

#[async_trait]
impl UserService for Handlers {
    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        create_user::create_user(self, request).await
    }

    async fn get_user(
        &self,
        request: Request<pb::GetUserRequest>,
    ) -> Result<Response<pb::GetUserResponse>, Status> {
        get_user::get_user(self, request).await
    }

    async fn batch_get_users(
        &self,
        request: Request<pb::BatchGetUsersRequest>,
    ) -> Result<Response<pb::BatchGetUsersResponse>, Status> {
        batch_get_users::batch_get_users(self, request).await
    }

    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        list_users::list_users(self, request).await
    }

    async fn disable_user(
        &self,
        request: Request<pb::DisableUserRequest>,
    ) -> Result<Response<pb::DisableUserResponse>, Status> {
        disable_user::disable_user(self, request).await
    }

    async fn enable_user(
        &self,
        request: Request<pb::EnableUserRequest>,
    ) -> Result<Response<pb::EnableUserResponse>, Status> {
        enable_user::enable_user(self, request).await
    }

    async fn update_user(
        &self,
        request: Request<pb::UpdateUserRequest>,
    ) -> Result<Response<pb::UpdateUserResponse>, Status> {
        Err(later(&request))
    }

    async fn delete_user(
        &self,
        request: Request<pb::DeleteUserRequest>,
    ) -> Result<Response<pb::DeleteUserResponse>, Status> {
        Err(later(&request))
    }
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
    }
}
