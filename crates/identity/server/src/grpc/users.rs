//! `UserService`.

use bailiwick_identity_core::use_case::{
    batch_get_users, create_user, disable_user, enable_user, get_user, list_users,
};
use bailiwick_proto::identity::v1::{self as pb, user_service_server::UserService};
use bailiwick_rpc::{Context, IntoStatus, Target, carry, later, page};
use bailiwick_types::{Code, Fault, Reason, Subject, UserId};
use tonic::{Request, Response, Status, async_trait};

use super::{Handlers, parse};

/// A task of a call came to no end.
#[derive(Debug, thiserror::Error)]
#[error("a task came to no end: {0}")]
struct Broken(tokio::task::JoinError);

impl Fault for Broken {
    fn code(&self) -> Code {
        Code::Internal
    }
    fn reason(&self) -> Reason {
        Reason::Internal
    }
}

#[async_trait]
impl UserService for Handlers {
    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = parse::create_user(request.into_inner())?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let made = create_user::run(&self.identity, &by, &command).await;
        let (user, token) = made.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::CreateUserResponse {
            user: Some(parse::user(&user)),
            token: parse::token(&token),
        }))
    }

    async fn get_user(
        &self,
        request: Request<pb::GetUserRequest>,
    ) -> Result<Response<pb::GetUserResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let id: UserId = parse::only("user", &request.get_ref().user, str::parse)?;
        let own = context.caller.subject().and_then(Subject::user_id) == Some(id);
        let found = if own {
            get_user::own(&self.identity, &context.caller).await
        } else {
            let by = self.guard.authorize_any(&context, Target::none()).await?;
            get_user::run(&self.identity, &by, id).await
        };
        let user = found.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::GetUserResponse {
            user: Some(parse::user(&user)),
        }))
    }

    async fn batch_get_users(
        &self,
        request: Request<pb::BatchGetUsersRequest>,
    ) -> Result<Response<pb::BatchGetUsersResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let ids = parse::batch_get_users(request.get_ref())?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let users = batch_get_users::run(&self.identity, &by, &ids)
            .await
            .map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::BatchGetUsersResponse {
            users: users.iter().map(parse::user).collect(),
        }))
    }

    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = parse::list_users(request.get_ref())?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let found = list_users::run(&self.identity, &by, &command)
            .await
            .map_err(IntoStatus::into_status)?;
        let list = parse::user_list(&request.get_ref().email);
        Ok(Response::new(pb::ListUsersResponse {
            users: found.users.iter().map(parse::user).collect(),
            next_page_token: found
                .next
                .map(|key| page::encode(&list, &key))
                .unwrap_or_default(),
        }))
    }

    async fn disable_user(
        &self,
        request: Request<pb::DisableUserRequest>,
    ) -> Result<Response<pb::DisableUserResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let id: UserId = parse::only("user", &request.get_ref().user, str::parse)?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let identity = self.identity.clone();
        // In a task of its own: a caller that goes away leaves nothing half done.
        let work = tokio::spawn(carry(async move { disable_user::run(&identity, &by, id).await }));
        let done = work.await.map_err(|error| Broken(error).into_status())?;
        let done = done.map_err(IntoStatus::into_status)?;
        self.authenticator.forget_subject(&Subject::user(id));
        Ok(Response::new(pb::DisableUserResponse {
            user: Some(parse::user(&done.user)),
            token: parse::token(&done.token),
        }))
    }

    async fn enable_user(
        &self,
        request: Request<pb::EnableUserRequest>,
    ) -> Result<Response<pb::EnableUserResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let id: UserId = parse::only("user", &request.get_ref().user, str::parse)?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let done = enable_user::run(&self.identity, &by, id).await;
        let (user, token) = done.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::EnableUserResponse {
            user: Some(parse::user(&user)),
            token: parse::token(&token),
        }))
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
