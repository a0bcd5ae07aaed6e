//! `create_workspace`: creates a workspace in an account or instance.

use super::prelude::*;

arguments! { pub(crate) struct CreateWorkspace in within {
    pub(crate) id: String = need("id"),
    pub(crate) within: Scope = need("in"),
    pub(crate) title: String = need("title"),
} }

#[async_trait]
impl Verb for CreateWorkspace {
    fn declares() -> &'static [(&'static str, Named)] {
        &[("id", Named::Scope(Level::Workspace))]
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = tenancy::CreateWorkspaceRequest {
            account: call.account_id(),
            parent: call.names.scope(&self.within),
            title: self.title.clone(),
            request_id: String::new(),
        };
        let mut workspaces = call.client().await?.tenancy().workspace();
        let answer = workspaces.create_workspace(request).await?;
        let id = answer.into_inner().workspace.unwrap_or_default().workspace;
        let name = (Named::Scope(Level::Workspace), &*self.id);
        call.names.add(&name, &id, &call.account);
        Ok(Answer::Ok)
    }
}
