//! Many questions, answered at one W.

use std::collections::HashMap;

use bailiwick_policy::{Request, TypeNo, Values, decide};
use bailiwick_types::Timestamp;

use super::{
    Answer, BatchQuestion, QuestionError, TargetText,
    decide::{
        ResolvedTarget, Sets, answer_of, effective_sets, input, permission_of, request_values, resolve_target,
    },
};
use crate::account::AccountView;

/// Answers many questions; `None` while a part is missing.
pub(crate) fn answer_all(
    view: &mut AccountView<'_>,
    batch: &BatchQuestion<'_>,
    now: Timestamp,
) -> Option<Result<Vec<Answer>, QuestionError>> {
    let mut subjects: HashMap<&str, Option<Sets<'_>>> = HashMap::new();
    let mut targets: HashMap<&str, Option<(ResolvedTarget<'_>, Option<TypeNo>)>> = HashMap::new();
    let mut complete = true;
    for question in batch.items {
        let sets = subjects
            .entry(question.subject.as_str())
            .or_insert_with(|| effective_sets(view, question.subject, question.audience));
        complete &= sets.is_some();
        if let TargetText::Resource { text, .. } = question.target {
            // What a caller describes is its own thing in every question.
            let key = if question.attributes.is_some() {
                continue;
            } else {
                text
            };
            let found = targets
                .entry(key)
                .or_insert_with(|| resolve_target(view, question));
            complete &= found.is_some();
        }
    }
    let mut described = Vec::new();
    for question in batch
        .items
        .iter()
        .filter(|question| question.attributes.is_some())
    {
        let found = resolve_target(view, question);
        complete &= found.is_some();
        described.push(found);
    }
    if !complete {
        return None;
    }
    let mut described = described.into_iter();
    let view = &*view;
    let none = Values::default();
    let mut known: HashMap<(&str, &str, TargetText<'_>), Answer> = HashMap::new();
    let mut answers = Vec::with_capacity(batch.items.len());
    for (number, question) in batch.items.iter().enumerate() {
        let plain = question.attributes.is_none() && question.digest.is_none();
        let key = (question.subject.as_str(), question.permission, question.target);
        if plain && let Some(answer) = known.get(&key) {
            answers.push(*answer);
            continue;
        }
        let permission = match permission_of(view, number, question.permission) {
            Ok(permission) => permission,
            Err(error) => return Some(Err(error)),
        };
        let sets = subjects.get(question.subject.as_str())?.as_ref()?;
        let decide_on = |found: &ResolvedTarget<'_>, type_no: Option<TypeNo>| {
            let (attributes, context) = if plain {
                Default::default()
            } else {
                request_values(view, number, permission, type_no, question)?
            };
            let on_scope = matches!(found, ResolvedTarget::Place(_));
            Ok(found.with(|target| {
                let request = Request {
                    attributes: if plain { &none } else { &attributes },
                    context: if plain { &none } else { &context },
                    digest: question.digest,
                };
                let input = input(
                    view,
                    question.subject,
                    sets,
                    target,
                    request,
                    question.audience,
                    now,
                );
                answer_of(decide(&input, permission), on_scope)
            }))
        };
        let answer = if question.attributes.is_some() {
            let (found, type_no) = described.next()??;
            decide_on(&found, type_no)
        } else {
            match question.target {
                TargetText::Place(place) => decide_on(&ResolvedTarget::Place(place), None),
                TargetText::Resource { text, .. } => {
                    let (found, type_no) = targets.get(text)?.as_ref()?;
                    decide_on(found, *type_no)
                }
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Some(Err(error)),
        };
        if plain {
            known.insert(key, answer);
        }
        answers.push(answer);
    }
    Some(Ok(answers))
}
