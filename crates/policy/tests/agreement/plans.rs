//! Plans against decisions: what a plan says of a resource is what is decided on it.

use std::collections::BTreeSet;

use bailiwick_policy::{
    AccountColumn, Alternative, Field, FieldName, Outcome, Plan, Predicate, Resource, Table, Term, Value,
    condition_text, decide, plan, sql_condition,
};
use proptest::prelude::*;

use crate::{
    reference::{Asked, Question, State},
    world::{World, place_id},
};

/// Plans the question for each type and holds the plan against the decision on every resource of it.
pub(crate) fn agree(world: &World, question: Question) -> Result<(), TestCaseError> {
    let product = world.policy.product();
    let question = Question {
        digest: None,
        ..question
    };
    let no = product.permission_no(&question.permission).unwrap();
    for of in ["doc", "part", "folder"] {
        let type_no = product.type_no(of).unwrap();
        let made = world.ask_of_all(&question.attrs, |input| plan(input, no, type_no, &[]));
        for (i, resource) in world.resources.iter().enumerate() {
            if resource.type_no != type_no {
                continue;
            }
            let asked = Question {
                on: Asked::Resource(i),
                ..question.clone()
            };
            let decided = world.ask(&asked, |input| decide(input, no));
            prop_assert_eq!(
                answer(world, &made, i),
                decided.outcome,
                "{} on {} {:?}\n{:?}\n{:#?}\n{:#?}\n{}",
                question.permission,
                of,
                resource,
                decided,
                made,
                world.facts,
                world.yaml
            );
        }
        written(world, &made)?;
    }
    Ok(())
}

/// What a plan says has a text, and SQL where nothing is left to be written out.
fn written(world: &World, made: &Plan) -> Result<(), TestCaseError> {
    for condition in made.alternatives.iter().filter_map(|one| one.condition.as_ref()) {
        prop_assert!(condition_text(condition).is_ok());
    }
    let open = |one: &Alternative| {
        one.reach != bailiwick_policy::TypeGrantReach::All && one.only.is_none() && !one.needs_approval
    };
    let sql = sql_condition(
        made,
        world.policy.product(),
        &world.places,
        &BTreeSet::new(),
        Table::OfService(&AccountColumn::default()),
    );
    prop_assert_eq!(
        sql.is_err(),
        !made.is_all() && made.alternatives.iter().any(open),
        "{:?}",
        made
    );
    Ok(())
}

fn answer(world: &World, made: &Plan, resource: usize) -> Outcome {
    let admitting = |approval: bool| {
        made.alternatives
            .iter()
            .any(|one| one.needs_approval == approval && admits(world, one, resource))
    };
    match (admitting(false), admitting(true)) {
        (true, _) => Outcome::Allow,
        (false, true) => Outcome::NeedsApproval,
        (false, false) => Outcome::Deny,
    }
}

fn admits(world: &World, one: &Alternative, i: usize) -> bool {
    let resource = &world.resources[i];
    let mut path = vec![world.facts.resources[i].place];
    while let Some(above) = world.facts.above(*path.last().unwrap()) {
        path.push(above);
    }
    // What a restricted account keeps was looked at when the plan was made.
    let is_open = |place: &usize| {
        let state = world.facts.places[*place].state;
        matches!(state, State::Active | State::Restricted)
    };
    let open = path.iter().all(is_open);
    let mut chain = vec![i];
    while let Some(above) = world.facts.resources[*chain.last().unwrap()].parent {
        chain.push(above);
    }
    let named = |at: &usize| {
        let resource = &world.resources[*at];
        one.under
            .iter()
            .any(|(of, id)| *of == resource.type_no && *id == resource.id)
    };
    (one.everywhere || open)
        && (one.places.is_empty() || path.iter().any(|place| one.places.contains(&place_id(*place))))
        && (one.under.is_empty() || chain.iter().any(named))
        && one.reach.covers(resource.registered)
        && one.only.as_ref().is_none_or(|only| only.contains(&resource.id))
        && one
            .condition
            .as_ref()
            .is_none_or(|condition| holds(condition, resource))
}

fn holds(predicate: &Predicate, resource: &Resource) -> bool {
    match predicate {
        Predicate::Is(field, wanted) => value(field, resource) == Some(Value::Bool(*wanted)),
        Predicate::Compare(field, comparison, term) => {
            match (value(field, resource), of_term(term, resource)) {
                (Some(a), Some(b)) => comparison.holds(a.cmp(&b)),
                _ => false,
            }
        }
        Predicate::In(field, items, wanted) => {
            value(field, resource).is_some_and(|value| items.contains(&value) == *wanted)
        }
        Predicate::Contains(list, item, wanted) => match (value(list, resource), of_term(item, resource)) {
            (Some(Value::List(items)), Some(item)) => items.contains(&item) == *wanted,
            _ => false,
        },
        Predicate::All(parts) => parts.iter().all(|part| holds(part, resource)),
        Predicate::Any(parts) => parts.iter().any(|part| holds(part, resource)),
    }
}

fn of_term(term: &Term, resource: &Resource) -> Option<Value> {
    match term {
        Term::Value(value) => Some(value.clone()),
        Term::Field(field) => value(field, resource),
    }
}

fn value(field: &Field, resource: &Resource) -> Option<Value> {
    let stored = match &field.name {
        FieldName::Id => Some(Value::Text(resource.id.clone())),
        FieldName::Owner => resource.owner.clone().map(Value::Subject),
        FieldName::Scope => Some(Value::Place(resource.place)),
        FieldName::Attribute(name) => resource.attributes.get(name).cloned(),
    };
    stored.or_else(|| field.otherwise.clone())
}
