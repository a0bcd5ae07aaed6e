//! Who may assign which role.

use bailiwick_types::Level;

use super::{Claim, DecisionInput, Target, holds, standing::bound};
use crate::{
    PlaceId, RoleNo,
    product::{Role, RoleLevel},
};

/// Tells whether the subject may assign the role at the target, or take it away there.
///
/// A product's role: some binding on the path lists it. An account's own role: the subject has `role.define`
/// there and holds all of it. The rules about holders are apart: see [`Role::holders`](crate::Role).
#[must_use]
pub fn may_assign(input: &DecisionInput<'_>, role: RoleNo) -> bool {
    let Target::Scope(place) = input.target else {
        return false;
    };
    let Some(level) = input.places.get(place).map(|place| place.level) else {
        return false;
    };
    let Some(role) = input.policy.role(role) else {
        return false;
    };
    role.level(level)
        .is_some_and(|at| may_give(input, place, role, Some((level, at)), &mut Vec::new()))
}

/// Tells whether the subject may give the role at the target to itself: a role of the manifest allows it by
/// name, or the subject holds everything that the role gives there.
///
/// This comes on top of [`may_assign`].
#[must_use]
pub fn may_assign_itself(input: &DecisionInput<'_>, role: &Role, level: Level) -> bool {
    let Target::Scope(place) = input.target else {
        return false;
    };
    let by_name = input
        .places
        .path(place)
        .is_some_and(|path| bound(input, &path).any(|(_, _, at)| at.assigns().contains_to_self(role.no)));
    by_name || holds_role(input, role, level)
}

/// Tells whether the subject, as seen from the target, could assign the role wherever it can be bound: what a
/// custom role of its making may include or assign.
#[must_use]
pub fn could_assign(input: &DecisionInput<'_>, role: RoleNo) -> bool {
    let Target::Scope(place) = input.target else {
        return false;
    };
    let Some(role) = input.policy.role(role) else {
        return false;
    };
    may_give(input, place, role, None, &mut Vec::new())
}

/// Tells whether the subject holds everything that the role gives where it is bound at this level, and could
/// assign what it assigns.
#[must_use]
pub fn holds_role(input: &DecisionInput<'_>, role: &Role, level: Level) -> bool {
    let Target::Scope(place) = input.target else {
        return false;
    };
    role.level(level)
        .is_some_and(|at| holds_all(input, place, level, at, &mut vec![role.no]))
}

fn may_give(
    input: &DecisionInput<'_>,
    place: PlaceId,
    role: &Role,
    only: Option<(Level, &RoleLevel)>,
    seen: &mut Vec<RoleNo>,
) -> bool {
    let Some(path) = input.places.path(place) else {
        return false;
    };
    let operator = bound(input, &path).any(|(held, _, _)| held == RoleNo::OPERATOR);
    if operator {
        return true;
    }
    if !role.no.is_custom() {
        return bound(input, &path).any(|(_, _, at)| at.assigns().contains(role.no));
    }
    // A role that leads back to itself gives nothing that was not looked at already.
    if seen.contains(&role.no) {
        return true;
    }
    seen.push(role.no);
    let defines = input.policy.product().permission_no("role.define");
    if !defines.is_some_and(|define| holds(input, &Claim::permission(define))) {
        return false;
    }
    match only {
        Some((level, at)) => holds_all(input, place, level, at, seen),
        None => role
            .levels()
            .all(|(level, at)| holds_all(input, place, level, at, seen)),
    }
}

fn holds_all(
    input: &DecisionInput<'_>,
    place: PlaceId,
    level: Level,
    at: &RoleLevel,
    seen: &mut Vec<RoleNo>,
) -> bool {
    let Some(path) = input.places.path(place) else {
        return false;
    };
    let every = !at.assigns().all || bound(input, &path).any(|(_, _, at)| at.assigns().all);
    // Who may give a role to itself has more than who may only give it to others.
    let to_itself = at.assigns().to_self.as_ref().is_none_or(|gained| {
        bound(input, &path).any(|(_, _, held)| {
            let held = held.assigns().to_self.as_ref();
            held.is_some_and(|held| held.covers(gained))
        })
    });
    let mut named = at.assigns().named.iter().filter_map(|no| input.policy.role(*no));
    every
        && to_itself
        && at
            .entries()
            .iter()
            .all(|entry| holds(input, &Claim::of_entry(entry, level)))
        && named.all(|role| may_give(input, place, role, None, seen))
}
