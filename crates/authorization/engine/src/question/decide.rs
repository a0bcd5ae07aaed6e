//! Answering one question.

use bailiwick_policy::{Decision, PermissionNo, decide};
use bailiwick_types::{AccountId, Subject, Timestamp};
use tokio::time::Instant;

use super::{
    Answer, Decided, Question, QuestionError,
    prepare::{Prepared, ResolvedTarget, prepare},
};
use crate::{Consistency, Replica, ReplicaError, account::AccountView};

impl Prepared<'_> {
    /// Decides it on a target: subject and actor must both be allowed.
    pub(crate) fn answer(&self, permission: PermissionNo, target: &ResolvedTarget<'_>) -> Answer {
        target.with(|lent| {
            let of = |party| -> Decision { decide(&self.input(party, lent), permission) };
            Answer::new(of(self.subject), || self.actor.map(of), target.on_scope())
        })
    }
}

/// Answers one question; `None` while a part is missing.
pub(crate) fn answer_one(
    view: &mut AccountView<'_>,
    question: &Question<'_>,
    now: Timestamp,
) -> Option<Result<Answer, QuestionError>> {
    prepare(view, question, now, |prepared, permission, target| {
        prepared.answer(permission, target)
    })
}

impl Replica {
    /// Decides one question.
    ///
    /// # Errors
    /// See [`ReplicaError`]; an error is never a decision.
    pub async fn decide(
        &self,
        account: AccountId,
        question: &Question<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Decided<Result<Answer, QuestionError>>, ReplicaError> {
        let now = self.clock.now();
        let answer = |view: &mut AccountView<'_>| answer_one(view, question, now);
        if matches!(consistency, Consistency::MinimizeLatency)
            && let Some((answer, at)) = self.answer_now(account, &answer)
        {
            return Ok(Decided {
                answer,
                revision: at.account,
            });
        }
        let depends: Vec<&Subject> = [Some(question.subject), question.actor]
            .into_iter()
            .flatten()
            .collect();
        let until = self.until(deadline);
        let (answer, at) = Box::pin(self.answer(account, consistency, &depends, until, &answer)).await?;
        Ok(Decided {
            answer,
            revision: at.account,
        })
    }
}
