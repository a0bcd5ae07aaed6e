//! Many questions, answered at one W.

use std::collections::HashMap;

use bailiwick_policy::{Request, TypeNo, Values, decide};
use bailiwick_types::Timestamp;

use super::{
    Answer, BatchQuestion, QuestionError, TargetText,
    decide::{Found, Sets, answer_of, find, input, permission_of, said, sets_of},
    gather::Look,
};

/// Answers many questions; `None` while a part is missing.
pub(super) fn answer_all(
    look: &mut Look<'_>,
    batch: &BatchQuestion<'_>,
    now: Timestamp,
) -> Option<Result<Vec<Answer>, QuestionError>> {
    let mut subjects: HashMap<&str, Option<Sets<'_>>> = HashMap::new();
    let mut targets: HashMap<&str, Option<(Found<'_>, Option<TypeNo>)>> = HashMap::new();
    let mut complete = true;
    for question in batch.items {
        let sets = subjects
            .entry(question.subject.as_str())
            .or_insert_with(|| sets_of(look, question.subject, question.audience));
        complete &= sets.is_some();
        if let TargetText::Resource { text, .. } = question.target {
            // What a caller describes is its own thing in every question.
            let key = if question.attributes.is_some() {
                continue;
            } else {
                text
            };
            let found = targets.entry(key).or_insert_with(|| find(look, question));
            complete &= found.is_some();
        }
    }
    let mut described = Vec::new();
    for question in batch
        .items
        .iter()
        .filter(|question| question.attributes.is_some())
    {
        let found = find(look, question);
        complete &= found.is_some();
        described.push(found);
    }
    if !complete {
        return None;
    }
    let mut described = described.into_iter();
    let look = &*look;
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
        let permission = match permission_of(look, number, question.permission) {
            Ok(permission) => permission,
            Err(error) => return Some(Err(error)),
        };
        let sets = subjects.get(question.subject.as_str())?.as_ref()?;
        let decide_on = |found: &Found<'_>, type_no: Option<TypeNo>| {
            let (attributes, context) = if plain {
                Default::default()
            } else {
                said(look, number, permission, type_no, question)?
            };
            let on_scope = matches!(found, Found::Place(_));
            Ok(found.with(|target| {
                let request = Request {
                    attributes: if plain { &none } else { &attributes },
                    context: if plain { &none } else { &context },
                    digest: question.digest,
                };
                let input = input(
                    look,
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
                TargetText::Place(place) => decide_on(&Found::Place(place), None),
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
