//! `move_workspace`: moves a workspace to an account or an instance.

use secrecy::ExposeSecret;

use super::prelude::*;

#[derive(Debug)]
pub(super) struct MoveWorkspace {
    workspace: WorkspaceName,
    to: Scope,
}

impl Arguments for MoveWorkspace {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        let workspace = fields.need("workspace");
        let to: Scope = fields.need("to");
        if to.level == Level::Workspace {
            let at = fields.at_key("to");
            fields.fault(at, "a workspace is moved to an account or an instance");
        }
        Self { workspace, to }
    }
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        self.workspace.account(names)
    }
}

impl MoveWorkspace {
    /// Sends the move. To another account it carries the actor's token for that one, or whatever other token
    /// the actor has.
    pub(super) async fn send(
        &self,
        call: &mut Call<'_>,
        validate_only: bool,
    ) -> Result<tenancy::MoveWorkspaceResponse, Trouble> {
        let target = self.to.account(call.names).to_owned();
        let mut request = tenancy::MoveWorkspaceRequest {
            account: call.account_id(),
            workspace: call.names.id(&self.workspace),
            target_account: call.names.account_id(&target),
            parent: call.names.scope(&self.to),
            validate_only,
            ..Default::default()
        };
        if target != call.account && call.actor.is_some() {
            let there = call.actors.client(call.names, call.actor, &target).await?;
            let token = there.access_token().await?;
            request.target_access_token = token
                .map(|token| token.expose_secret().to_owned())
                .unwrap_or_default();
        }
        let mut workspaces = call.client().await?.tenancy().workspace();
        let answer = workspaces.move_workspace(request).await?.into_inner();
        if !validate_only {
            let id = call.names.id(&self.workspace);
            call.names.add(&self.workspace, &id, &target);
        }
        Ok(answer)
    }
}

#[async_trait]
impl Verb for MoveWorkspace {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        self.send(call, false).await?;
        Ok(Answer::Ok)
    }
}
