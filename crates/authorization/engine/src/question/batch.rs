//! Answering many questions at one watermark.

use std::collections::HashMap;

use bailiwick_types::{Subject, Timestamp};

use super::{
    Answer, Decided, Question, QuestionError, TargetText,
    prepare::{
        Party, Prepared, ResolvedTarget, Sets, effective_sets, permission_of, request_values, resolve_target,
    },
};
use crate::{AccountRead, Replica, ReplicaError, account::AccountView};

/// A target in a batch; one that the caller's attributes may describe is a target of its own in each
/// question.
type TargetKey<'a> = (TargetText<'a>, Option<usize>);

/// The different questions of a batch, and what they have in common.
struct Batch<'a, 'r> {
    /// With their numbers in the batch.
    questions: Vec<(usize, &'a Question<'a>)>,
    subjects: HashMap<&'a str, Option<Sets<'r>>>,
    targets: HashMap<TargetKey<'a>, Option<ResolvedTarget<'r>>>,
}

fn target_key<'a>(number: usize, question: &Question<'a>) -> TargetKey<'a> {
    (question.target, question.attributes.map(|_| number))
}

impl<'a, 'r> Batch<'a, 'r> {
    /// Looks up all parts, before one is found missing: one round trip reads all of them.
    fn gather(view: &mut AccountView<'r>, questions: Vec<(usize, &'a Question<'a>)>) -> Option<Self> {
        let (mut subjects, mut targets) = (HashMap::new(), HashMap::new());
        for (number, question) in &questions {
            subjects
                .entry(question.subject.as_str())
                .or_insert_with(|| effective_sets(view, question.subject, question.audience));
            targets
                .entry(target_key(*number, question))
                .or_insert_with(|| resolve_target(view, question.target, question.attributes));
        }
        let complete = subjects.values().all(Option::is_some) && targets.values().all(Option::is_some);
        complete.then_some(Self {
            questions,
            subjects,
            targets,
        })
    }

    /// Answers one of the questions; `None` where it was not gathered.
    fn answer(
        &self,
        view: &AccountView<'r>,
        number: usize,
        question: &Question<'_>,
        now: Timestamp,
    ) -> Option<Result<Answer, QuestionError>> {
        let sets = self.subjects.get(question.subject.as_str())?.as_ref()?;
        let target = self.targets.get(&target_key(number, question))?.as_ref()?;
        let answer = || {
            let permission = permission_of(view, number, question.permission)?;
            let values = request_values(view, number, permission, target.type_no(), question.attributes)?;
            let subject = Party {
                subject: question.subject,
                sets,
            };
            let prepared = Prepared {
                values,
                digest: question.digest,
                audience: question.audience,
                ..Prepared::plain(view.ready, subject, now)
            };
            Ok(prepared.answer(permission, target))
        };
        Some(answer())
    }
}

/// Answers many questions; `None` while a part is missing.
fn answer_all(
    view: &mut AccountView<'_>,
    items: &[Question<'_>],
    now: Timestamp,
) -> Option<Result<Vec<Answer>, QuestionError>> {
    // Equal questions are decided once.
    let mut first: HashMap<(&str, &str, TargetText<'_>), usize> = HashMap::new();
    let mut different = Vec::new();
    let mut places = Vec::with_capacity(items.len());
    for (number, question) in items.iter().enumerate() {
        let next = different.len();
        let place = if question.attributes.is_none() && question.digest.is_none() {
            let key = (question.subject.as_str(), question.permission, question.target);
            *first.entry(key).or_insert(next)
        } else {
            next
        };
        if place == next {
            different.push((number, question));
        }
        places.push(place);
    }
    let batch = Batch::gather(view, different)?;
    let answers = batch
        .questions
        .iter()
        .map(|(number, question)| batch.answer(view, *number, question, now))
        .collect::<Option<Result<Vec<Answer>, QuestionError>>>()?;
    match answers {
        Ok(answers) => places
            .into_iter()
            .map(|place| answers.get(place).copied().map(Ok))
            .collect(),
        Err(error) => Some(Err(error)),
    }
}

impl Replica {
    /// Decides many questions at one revision; the answers are in their order.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn decide_all(
        &self,
        read: &AccountRead,
        items: &[Question<'_>],
    ) -> Result<Decided<Result<Vec<Answer>, QuestionError>>, ReplicaError> {
        let now = self.clock.now();
        let answer = |view: &mut AccountView<'_>| answer_all(view, items, now);
        let mut depends: Vec<&Subject> = items.iter().map(|question| question.subject).collect();
        depends.sort();
        depends.dedup();
        self.decided(read, &depends, &answer).await
    }
}
