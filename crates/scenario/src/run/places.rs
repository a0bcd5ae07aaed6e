//! Accounts, instances, workspaces and settings.

use bailiwick_client::Client;
use bailiwick_proto::tenancy::v1::{
    Account, CreateInstanceRequest, CreateWorkspaceRequest, DeleteAccountRequest, DeleteInstanceRequest,
    DeleteWorkspaceRequest, Instance, ListWorkspacesRequest, ReactivateAccountRequest, SuspendAccountRequest,
    UpdateAccountRequest, UpdateInstanceRequest, UpdateSettingsRequest, UpdateWorkspaceRequest, Workspace,
};
use prost_types::FieldMask;

use super::{Run, Trouble};
use crate::{
    model::{Act, Answer, Json, Level, Scope},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn create_instance(
        &mut self,
        caller: &Client,
        id: &str,
        within: &Scope,
        title: &str,
        edition: &str,
    ) -> Result<Answer, Trouble> {
        let account = self.names.account_of(within);
        let request = CreateInstanceRequest {
            account: self.names.account_id(&account),
            title: title.to_owned(),
            edition: edition.to_owned(),
            request_id: String::new(),
        };
        let answer = caller
            .tenancy()
            .instance()
            .create_instance(request)
            .await?
            .into_inner();
        let made = answer.instance.unwrap_or_default().instance;
        let scope = Scope {
            level: Level::Instance,
            id: id.to_owned(),
        };
        self.names.add_scope(&scope, &made, &account);
        Ok(Answer::Ok)
    }

    pub(super) async fn create_workspace(
        &mut self,
        caller: &Client,
        id: &str,
        within: &Scope,
        title: &str,
    ) -> Result<Answer, Trouble> {
        let account = self.names.account_of(within);
        let request = CreateWorkspaceRequest {
            account: self.names.account_id(&account),
            parent: self.names.scope(within),
            title: title.to_owned(),
            request_id: String::new(),
        };
        let answer = caller
            .tenancy()
            .workspace()
            .create_workspace(request)
            .await?
            .into_inner();
        let made = answer.workspace.unwrap_or_default().workspace;
        let scope = Scope {
            level: Level::Workspace,
            id: id.to_owned(),
        };
        self.names.add_scope(&scope, &made, &account);
        Ok(Answer::Ok)
    }

    pub(super) async fn update(
        &self,
        caller: &Client,
        scope: &Scope,
        title: Option<&str>,
    ) -> Result<Answer, Trouble> {
        let account = self.names.account_id(&self.names.account_of(scope));
        let id = self.names.id(scope);
        let mask = Some(FieldMask {
            paths: title.iter().map(|_| "title".to_owned()).collect(),
        });
        let title = title.unwrap_or_default().to_owned();
        let etag = String::new();
        let tenancy = caller.tenancy();
        match scope.level {
            Level::Account => {
                let changes = Some(Account {
                    title,
                    ..Account::default()
                });
                let request = UpdateAccountRequest {
                    account,
                    changes,
                    update_mask: mask,
                    etag,
                };
                tenancy.account().update_account(request).await?;
            }
            Level::Instance => {
                let changes = Some(Instance {
                    title,
                    ..Instance::default()
                });
                let request = UpdateInstanceRequest {
                    account,
                    instance: id,
                    changes,
                    update_mask: mask,
                    etag,
                };
                tenancy.instance().update_instance(request).await?;
            }
            Level::Workspace => {
                let changes = Some(Workspace {
                    title,
                    ..Workspace::default()
                });
                let request = UpdateWorkspaceRequest {
                    account,
                    workspace: id,
                    changes,
                    update_mask: mask,
                    etag,
                };
                tenancy.workspace().update_workspace(request).await?;
            }
        }
        Ok(Answer::Ok)
    }

    /// Deletes a scope with all that lies in it.
    pub(super) async fn delete(&self, caller: &Client, scope: &Scope) -> Result<Answer, Trouble> {
        let account = self.names.account_id(&self.names.account_of(scope));
        let id = self.names.id(scope);
        let (etag, force) = (String::new(), true);
        let tenancy = caller.tenancy();
        match scope.level {
            Level::Account => {
                tenancy
                    .account()
                    .delete_account(DeleteAccountRequest { account, etag, force })
                    .await?;
            }
            Level::Instance => {
                let request = DeleteInstanceRequest {
                    account,
                    instance: id,
                    etag,
                    force,
                };
                tenancy.instance().delete_instance(request).await?;
            }
            Level::Workspace => {
                let request = DeleteWorkspaceRequest {
                    account,
                    workspace: id,
                    etag,
                    force,
                };
                tenancy.workspace().delete_workspace(request).await?;
            }
        }
        Ok(Answer::Ok)
    }

    pub(super) async fn suspend_account(&self, caller: &Client, account: &str) -> Result<Answer, Trouble> {
        let request = SuspendAccountRequest {
            account: self.names.account_id(account),
        };
        caller.tenancy().account().suspend_account(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn reactivate_account(&self, caller: &Client, account: &str) -> Result<Answer, Trouble> {
        let request = ReactivateAccountRequest {
            account: self.names.account_id(account),
        };
        caller.tenancy().account().reactivate_account(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn settings(
        &self,
        caller: &Client,
        account: &str,
        values: &Json,
    ) -> Result<Answer, Trouble> {
        let request = UpdateSettingsRequest {
            account: self.names.account_id(account),
            values: Some(self.names.values(values)),
            etag: String::new(),
        };
        caller.tenancy().settings().update_settings(request).await?;
        Ok(Answer::Ok)
    }

    /// The workspaces that the caller may view: of a whole account, or directly in an instance.
    pub(super) async fn list_workspaces(&self, caller: &Client, act: &Act) -> Result<Answer, Trouble> {
        let Act::ListWorkspaces {
            within,
            search,
            order_by,
            page_size,
        } = act
        else {
            return Ok(Answer::Nothing);
        };
        let mut request = ListWorkspacesRequest {
            account: self.names.account_id(&self.names.account_of(within)),
            parent: match within.level {
                Level::Account => String::new(),
                Level::Instance | Level::Workspace => self.names.scope(within),
            },
            page_size: *page_size,
            page_token: String::new(),
            order_by: order_by.clone(),
            search: search.clone(),
        };
        let mut workspaces = Vec::new();
        loop {
            let page = caller
                .tenancy()
                .workspace()
                .list_workspaces(request.clone())
                .await?
                .into_inner();
            workspaces.extend(page.workspaces.iter().map(|w| self.names.name(&w.workspace)));
            if page.next_page_token.is_empty() {
                return Ok(Answer::List(workspaces));
            }
            request.page_token = page.next_page_token;
        }
    }
}
