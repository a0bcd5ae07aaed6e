//! Parameters that the giver bounds by its own.

use super::{Claim, DecisionInput, Target, holds, standing::standing};
use crate::{
    RoleNo,
    condition::Condition,
    manifest::Within,
    product::RoleLevel,
    set::is_over,
    value::{Value, Values},
};

/// Tells whether the parameters of a binding of the role at the target stay within the subject's own, where
/// their declarations ask for that: each is covered by a value that the subject has on the target's path,
/// or the subject has what the parameter is for without condition.
#[must_use]
pub fn within_own(input: &DecisionInput<'_>, role: RoleNo, given: &Values) -> bool {
    let Target::Scope(place) = input.target else {
        return false;
    };
    let Some(level) = input.places.get(place).map(|place| place.level) else {
        return false;
    };
    let Some(at) = input.policy.role(role).and_then(|role| role.level(level)) else {
        return false;
    };
    let is_bounded = |name: &str| {
        let declared = at.parameters().get(name);
        declared.is_some_and(|declared| declared.within == Some(Within::Own))
    };
    let reads = |condition: &Condition, name: &str| condition.parameters().contains_key(name);
    let unbounded = |at: &RoleLevel, name: &str| {
        let mut entries = at
            .entries()
            .iter()
            .filter(|entry| {
                entry
                    .condition
                    .as_ref()
                    .is_some_and(|condition| reads(condition, name))
            })
            .peekable();
        entries.peek().is_some() && entries.all(|entry| holds(input, &Claim::of_entry(entry, level)))
    };
    given
        .iter()
        .filter(|(name, _)| is_bounded(name))
        .all(|(name, value)| has_own(input, place, name, value) || unbounded(at, name))
}

fn has_own(input: &DecisionInput<'_>, place: crate::PlaceId, name: &str, value: &Value) -> bool {
    let Some(path) = input.places.path(place) else {
        return false;
    };
    if input.disabled || standing(input, &path).is_err() {
        return false;
    }
    input.sets.iter().any(|set| {
        let held = path.iter().filter_map(|place| set.at(place.id));
        held.flat_map(|held| held.bindings)
            .filter(|binding| !is_over(binding.expires, input.now))
            .filter_map(|binding| set.parameters_of(binding.parameters)?.get(name))
            .any(|own| covers(own, value))
    })
}

/// Whether a value is within another: not greater, among its elements, or the same.
fn covers(own: &Value, value: &Value) -> bool {
    match (own, value) {
        (Value::Int(own), Value::Int(value)) => value <= own,
        (Value::List(own), Value::List(values)) => values.iter().all(|value| own.contains(value)),
        _ => own == value,
    }
}
