//! `preview_move`: lists who would gain or lose what by a move of a workspace.

use super::{move_workspace::MoveWorkspace, prelude::*};
use crate::answer::change;

arguments! { pub(super) struct PreviewMove(MoveWorkspace) }

#[async_trait]
impl Verb for PreviewMove {
    fn expects(&self) -> Expects {
        Expects::Changes
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let answer = self.0.send(call, true).await?;
        // A permission that comes only with a condition or an approval is neither gained nor lost.
        let effective = answer
            .changes
            .into_iter()
            .filter(|change| !change.gains.is_empty() || !change.loses.is_empty());
        let changes = effective.map(|of| {
            let (user, on) = (call.names.name(&of.subject), call.names.name(&of.scope));
            change(&user, &on, of.gains, of.loses)
        });
        Ok(Answer::Set(changes.collect()))
    }
}
