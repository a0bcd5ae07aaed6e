//! `preview_move`: lists who would gain or lose what by a move of a workspace.

use super::{move_workspace::MoveWorkspace, prelude::*};

arguments! { pub(super) struct PreviewMove(MoveWorkspace) }

#[async_trait]
impl Verb for PreviewMove {
    fn expects(&self) -> Expects {
        Expects::Changes
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        self.0.run(call).await
    }
}
