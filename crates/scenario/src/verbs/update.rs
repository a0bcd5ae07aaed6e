//! `update`: changes the title of an account, instance or workspace.

use prost_types::FieldMask;

use super::prelude::*;

arguments! { pub(super) struct Update in scope {
    scope: Scope = need("scope"),
    title: Option<String> = get("title"),
} }

#[async_trait]
impl Verb for Update {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let account = call.account_id();
        let id = call.names.id(&self.scope);
        let update_mask = Some(FieldMask {
            paths: self.title.iter().map(|_| "title".to_owned()).collect(),
        });
        let title = self.title.clone().unwrap_or_default();
        let etag = String::new();
        let client = call.client().await?;
        match self.scope.level {
            Level::Instance => {
                let request = tenancy::UpdateInstanceRequest {
                    account,
                    instance: id,
                    changes: Some(tenancy::Instance {
                        title,
                        ..Default::default()
                    }),
                    update_mask,
                    etag,
                };
                client.tenancy().instance().update_instance(request).await?;
            }
            Level::Workspace => {
                let request = tenancy::UpdateWorkspaceRequest {
                    account,
                    workspace: id,
                    changes: Some(tenancy::Workspace {
                        title,
                        ..Default::default()
                    }),
                    update_mask,
                    etag,
                };
                client.tenancy().workspace().update_workspace(request).await?;
            }
            _ => {
                let request = tenancy::UpdateAccountRequest {
                    account,
                    changes: Some(tenancy::Account {
                        title,
                        ..Default::default()
                    }),
                    update_mask,
                    etag,
                };
                client.tenancy().account().update_account(request).await?;
            }
        }
        Ok(Answer::Ok)
    }
}
