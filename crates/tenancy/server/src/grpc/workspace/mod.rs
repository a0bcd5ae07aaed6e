//! Workspaces.

mod create_workspace;
mod delete_workspace;
mod get_workspace;
mod list_workspaces;
mod move_workspace;
mod update_workspace;

use bailiwick_proto::tenancy::v1::{self as pb, workspace_service_server::WorkspaceService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, InstanceId, Scope, WorkspaceId};
use tonic::Status;

use super::Api;

bailiwick_rpc::serve! {
    Api: WorkspaceService {}
    create_workspace(CreateWorkspaceRequest) -> CreateWorkspaceResponse;
    delete_workspace(DeleteWorkspaceRequest) -> DeleteWorkspaceResponse;
    get_workspace(GetWorkspaceRequest) -> GetWorkspaceResponse;
    list_workspaces(ListWorkspacesRequest) -> ListWorkspacesResponse;
    update_workspace(UpdateWorkspaceRequest) -> UpdateWorkspaceResponse;
    move_workspace(MoveWorkspaceRequest) -> MoveWorkspaceResponse;
}

/// Reads a request that names a workspace of an account and nothing else.
fn named(account: &str, workspace: &str) -> Result<(AccountId, WorkspaceId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let workspace = fields.take("workspace", workspace.parse());
    fields.finish(account.zip(workspace))
}

/// Reads the scope above a workspace: `None` where the field is empty, `Some(None)` for the account itself.
fn parent(fields: &mut Fields, account: Option<AccountId>, text: &str) -> Option<Option<InstanceId>> {
    match text.parse() {
        _ if text.is_empty() => None,
        Ok(Scope::Account(named)) if account.is_none_or(|account| account == named) => Some(None),
        Ok(Scope::Instance(id)) => Some(Some(id)),
        _ => {
            fields.violate("parent", "must be `account:ID` of the account or `instance:ID`");
            None
        }
    }
}
