//! Roles.

pub(crate) mod change_role;
mod create_role;
pub(crate) mod definition;
mod delete_role;
mod describe_role;
mod get_role;
mod list_roles;
mod preview_role_change;

use std::sync::Arc;

use bailiwick_authorization_core::Situation;
use bailiwick_policy::{AccountPolicy, Role, RoleNo};
use bailiwick_proto::authorization::v1::{self as pb, role_service_server::RoleService};
use bailiwick_rpc::{Call, Fields, Target};
use bailiwick_types::{AccountId, Method, Refused};
use tonic::Status;

use super::{Api, status};

/// The longest name of a role.
const ROLE: usize = 100;

bailiwick_rpc::serve! {
    Api: RoleService {}
    list_roles(ListRolesRequest) -> ListRolesResponse;
    get_role(GetRoleRequest) -> GetRoleResponse;
    create_role(CreateRoleRequest) -> CreateRoleResponse;
    change_role(ChangeRoleRequest) -> ChangeRoleResponse;
    preview_role_change(PreviewRoleChangeRequest) -> PreviewRoleChangeResponse;
    delete_role(DeleteRoleRequest) -> DeleteRoleResponse;
    describe_role(DescribeRoleRequest) -> DescribeRoleResponse;
}

/// Reads a request that names a role of an account and nothing else.
fn named(account: &str, role: &str) -> Result<(AccountId, String), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let role = fields.text("role", role, ROLE);
    fields.finish(account.zip(role))
}

/// The policy of an account, for callers that may see its roles.
async fn policy<M: Method, R>(
    api: &Api,
    call: &Call<M, R>,
    account: AccountId,
) -> Result<Arc<AccountPolicy>, Status> {
    let by = api.authorize(call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let situation = Situation::load(&*snapshot, []).await.map_err(status)?;
    let situation = situation.ok_or_else(|| status(Refused::NotFound("account")))?;
    Ok(situation.policy)
}

/// The role of that name, where it can be bound in the account.
fn role_of<'p>(policy: &'p AccountPolicy, name: &str) -> Option<&'p Role> {
    let no = policy.role_no(name).filter(|no| *no > RoleNo::SERVICE)?;
    policy.role(no)
}

fn found<'p>(policy: &'p AccountPolicy, name: &str) -> Result<&'p Role, Status> {
    role_of(policy, name).ok_or_else(|| status(Refused::NotFound("role")))
}
