//! What the other services ask and tell.

use bailiwick_authorization_core::use_case::{close_scope, close_user};
use bailiwick_policy::PlaceState;
use bailiwick_proto::authorization::v1::{self as pb, access_service_server::AccessService};
use bailiwick_rpc::{Context, Fields, OperatorAllowed, Target};
use bailiwick_types::{AccountId, Subject, UserId};
use tonic::{Request, Response, Status};

use super::{Api, encoded, status};

/// The most scopes of one question.
const SCOPES: usize = 1_000;
/// The most permissions of one question.
const PERMISSIONS: usize = 100;

#[tonic::async_trait]
impl AccessService for Api {
    async fn close_scope(
        &self,
        request: Request<pb::CloseScopeRequest>,
    ) -> Result<Response<pb::CloseScopeResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let scope = fields.scope("scope", &request.scope, account);
        let (account, scope) = fields.finish(account.zip(scope))?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let state = if request.deleted {
            PlaceState::Deleted
        } else {
            PlaceState::Suspended
        };
        let command = close_scope::Command {
            account,
            scope,
            version: request.version,
            state,
        };
        let token = close_scope::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::CloseScopeResponse {
            token: encoded(&token),
        }))
    }

    async fn close_user(
        &self,
        request: Request<pb::CloseUserRequest>,
    ) -> Result<Response<pb::CloseUserResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let user = fields.take("user", request.user.parse::<UserId>());
        let user = fields.finish(user)?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let command = close_user::Command {
            user,
            version: request.version,
        };
        let token = close_user::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::CloseUserResponse {
            token: encoded(&token),
        }))
    }

    async fn check_caller(
        &self,
        request: Request<pb::CheckCallerRequest>,
    ) -> Result<Response<pb::CheckCallerResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let subject: Option<Subject> = fields.take("subject", request.subject.parse());
        let account: Option<Option<AccountId>> = match request.account.as_str() {
            "" => Some(None),
            text => fields.account(text).map(Some),
        };
        if request.scopes.len() > SCOPES {
            fields.violate("scopes", format!("must name at most {SCOPES} scopes"));
        }
        if request.permissions.is_empty() || request.permissions.len() > PERMISSIONS {
            fields.violate("permissions", format!("must name 1 to {PERMISSIONS} permissions"));
        }
        let (subject, account) = fields.finish(subject.zip(account))?;
        self.guard.authorize_any(&context, Target::none()).await?;
        self.fresh.known(&context, &subject).await?;
        self.fresh.wait(&context, account, &[&subject]).await?;
        let operator = match (account, request.operator_allowed) {
            (None, _) => OperatorAllowed::Only,
            (Some(_), true) => OperatorAllowed::Yes,
            (Some(_), false) => OperatorAllowed::No,
        };
        let mut columns = Vec::with_capacity(request.permissions.len());
        let mut by_operator = false;
        for permission in &request.permissions {
            let held = self
                .rights
                .held(&subject, account, permission, &request.scopes, operator)
                .await;
            let held = held.map_err(status)?;
            by_operator |= held.operator;
            columns.push(held.allowed);
        }
        let row = |n: usize| {
            columns
                .iter()
                .map(move |column| column.get(n).copied().unwrap_or_default())
        };
        let allowed = (0..request.scopes.len()).flat_map(row).collect();
        Ok(Response::new(pb::CheckCallerResponse {
            allowed,
            operator: by_operator,
        }))
    }
}
