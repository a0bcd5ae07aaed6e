//! Roles.

use bailiwick_authorization_core::Situation;
use bailiwick_proto::authorization::v1::{self as pb, role_service_server::RoleService};
use bailiwick_rpc::{Context, Target, later};
use bailiwick_types::{Code, Fault, Reason};
use tonic::{Request, Response, Status};

use super::{Api, convert, parse::Fields, status};

#[derive(Debug, thiserror::Error)]
#[error("there is no such account")]
struct NoAccount;

impl Fault for NoAccount {
    fn code(&self) -> Code {
        Code::NotFound
    }
    fn reason(&self) -> Reason {
        Reason::NotFound
    }
}

#[tonic::async_trait]
impl RoleService for Api {
    async fn list_roles(
        &self,
        request: Request<pb::ListRolesRequest>,
    ) -> Result<Response<pb::ListRolesResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let mut fields = Fields::new();
        let account = fields.account(&request.get_ref().account);
        let account = fields.with(account)?;
        self.wait(&context, account, &[]).await?;
        self.guard.authorize(&context, Target::Account(account)).await?;
        let read = self.ports.store.read(account).await.map_err(status)?;
        let situation = Situation::load(&*read, account, []).await.map_err(status)?;
        let situation = situation.ok_or_else(|| status(NoAccount))?;
        let mut roles: Vec<pb::Role> = situation.policy.roles().map(convert::role).collect();
        roles.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Response::new(pb::ListRolesResponse { roles }))
    }

    async fn get_role(&self, request: Request<pb::GetRoleRequest>) -> Result<Response<pb::GetRoleResponse>, Status> {
        Err(later(&request))
    }

    async fn create_role(&self, request: Request<pb::CreateRoleRequest>) -> Result<Response<pb::CreateRoleResponse>, Status> {
        Err(later(&request))
    }

    async fn change_role(&self, request: Request<pb::ChangeRoleRequest>) -> Result<Response<pb::ChangeRoleResponse>, Status> {
        Err(later(&request))
    }

    async fn preview_role_change(&self, request: Request<pb::PreviewRoleChangeRequest>) -> Result<Response<pb::PreviewRoleChangeResponse>, Status> {
        Err(later(&request))
    }

    async fn delete_role(&self, request: Request<pb::DeleteRoleRequest>) -> Result<Response<pb::DeleteRoleResponse>, Status> {
        Err(later(&request))
    }

    async fn describe_role(&self, request: Request<pb::DescribeRoleRequest>) -> Result<Response<pb::DescribeRoleResponse>, Status> {
        Err(later(&request))
    }
}
