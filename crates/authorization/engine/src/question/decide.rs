//! Answering one question.

use bailiwick_policy::{Decision, PermissionNo, decide};
use bailiwick_types::{Subject, Timestamp};

use super::{
    Answer, Decided, Question, QuestionError,
    prepare::{Prepared, ResolvedTarget, prepare},
};
use crate::{AccountRead, Replica, ReplicaError, account::AccountView};

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
        read: &AccountRead,
        question: &Question<'_>,
    ) -> Result<Decided<Result<Answer, QuestionError>>, ReplicaError> {
        let now = self.clock.now();
        let answer = |view: &mut AccountView<'_>| answer_one(view, question, now);
        let depends: &[&Subject] = match question.actor {
            None => &[question.subject],
            Some(actor) => &[question.subject, actor],
        };
        self.decided(read, depends, &answer).await
    }
}
