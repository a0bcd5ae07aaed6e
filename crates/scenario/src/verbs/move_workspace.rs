//! `move_workspace`: not implemented, as the method has no messages; the arguments are read for their faults.

use super::prelude::*;

#[derive(Debug)]
pub(super) struct MoveWorkspace;

impl Arguments for MoveWorkspace {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        let _: WorkspaceName = fields.need("workspace");
        let to: Scope = fields.need("to");
        if to.level == Level::Workspace {
            let at = fields.at_key("to");
            fields.fault(at, "a workspace is moved to an account or an instance");
        }
        Self
    }
}

#[async_trait]
impl Verb for MoveWorkspace {
    async fn run(&self, _: &mut Call<'_>) -> Result<Answer, Trouble> {
        Err(Trouble::not_implemented("WorkspaceService/MoveWorkspace"))
    }
}
