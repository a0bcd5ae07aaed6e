//! `delete`: deletes an account, instance or workspace with everything in it.

use super::prelude::*;

arguments! { pub(super) struct Delete in scope {
    scope: Scope = need("scope"),
} }

#[async_trait]
impl Verb for Delete {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let account = call.account_id();
        let id = call.names.id(&self.scope);
        let (etag, force) = (String::new(), true);
        let client = call.client().await?;
        match self.scope.level {
            Level::Instance => {
                let request = tenancy::DeleteInstanceRequest {
                    account,
                    instance: id,
                    etag,
                    force,
                };
                client.tenancy().instance().delete_instance(request).await?;
            }
            Level::Workspace => {
                let request = tenancy::DeleteWorkspaceRequest {
                    account,
                    workspace: id,
                    etag,
                    force,
                };
                client.tenancy().workspace().delete_workspace(request).await?;
            }
            _ => {
                let request = tenancy::DeleteAccountRequest { account, etag, force };
                client.tenancy().account().delete_account(request).await?;
            }
        }
        Ok(Answer::Ok)
    }
}
