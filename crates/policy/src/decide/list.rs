//! What a subject has at a target, and where it has anything.

use std::collections::BTreeSet;

use bailiwick_types::Level;

use super::{
    DecisionInput, Effect, Ground, Outcome, Reason, Target, decide,
    standing::{bound_where, standing_kept},
};
use crate::{PermissionBits, PermissionNo, PlaceId, places::Place, product::Entry};

/// The permissions that a subject has on a target. The four sets do not overlap, but for `held`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldPermissions {
    /// Allowed by what is known now (stored attributes, the given request).
    pub allowed: PermissionBits,
    /// Of those, what is had without condition or approval.
    pub held: PermissionBits,
    /// Had once somebody approves.
    pub needs_approval: PermissionBits,
    /// Had under a condition that cannot be decided without more from the request.
    pub undecided: PermissionBits,
}

/// Lists everything that the subject has on the target, of what is asked on targets of its type.
#[must_use]
pub fn permissions_held(input: &DecisionInput<'_>) -> HeldPermissions {
    let mut all = HeldPermissions::default();
    for info in input.policy.product().permissions() {
        let decision = decide(input, info.no);
        match (decision.outcome, decision.reason) {
            (Outcome::Allow, _) => {
                all.allowed.insert(info.no);
                if is_held(input, info.no) {
                    all.held.insert(info.no);
                }
            }
            (Outcome::NeedsApproval, _) => all.needs_approval.insert(info.no),
            (Outcome::Deny, Reason::ConditionUndecided) => all.undecided.insert(info.no),
            (Outcome::Deny, _) => {}
        }
    }
    all
}

fn is_held(input: &DecisionInput<'_>, permission: PermissionNo) -> bool {
    let Ok(ground) = Ground::find(input, permission) else {
        return false;
    };
    let mut held = false;
    ground.walk(&mut |candidate| {
        held = candidate.effect == Effect::Allow && candidate.condition.is_none();
        !held
    });
    held
}

/// Lists the scopes of the account in which the subject has the permission, those below a role's scope
/// included, in order of their ids; the input's target is not looked at.
///
/// Without a permission: those in which a role of the subject or of its groups gives any, default roles and
/// grants left out.
#[must_use]
pub fn scopes_held(input: &DecisionInput<'_>, permission: Option<PermissionNo>) -> Vec<PlaceId> {
    let account = input.places.account().id;
    let has = |place: PlaceId| {
        let here = DecisionInput {
            target: Target::Scope(place),
            ..*input
        };
        match permission {
            Some(permission) => decide(&here, permission).is_allow(),
            None => here
                .places
                .path(place)
                .is_some_and(|path| gives_any(&here, &path)),
        }
    };
    candidates(input, account, permission.is_some())
        .into_iter()
        .filter(|place| has(*place))
        .collect()
}

/// Whether a role that is bound on the way gives anything there.
fn gives_any(input: &DecisionInput<'_>, path: &[&Place]) -> bool {
    let (stands, kept) = match standing_kept(input, path) {
        Ok((_, kept)) => (true, kept),
        Err(_) => (false, None),
    };
    let counts = |entry: &Entry| kept.is_none_or(|kept| entry.bits.intersects(kept));
    bound_where(input, path, stands).any(|(_, level, at)| {
        let of_suite = level == Level::Deployment;
        at.entries().iter().any(|entry| of_suite || counts(entry))
    })
}

/// The scopes that can have anything: all where something counts for the whole account.
fn candidates(input: &DecisionInput<'_>, account: PlaceId, with_defaults: bool) -> BTreeSet<PlaceId> {
    let of_suite = |place: &PlaceId| *place <= PlaceId::PRODUCT;
    let own: BTreeSet<PlaceId> = input.sets.iter().flat_map(|set| set.places()).collect();
    let everywhere = with_defaults || own.contains(&account) || own.iter().any(of_suite);
    let below = |place: &Place| everywhere || own.contains(&place.id) || own.contains(&place.parent);
    let mut all: BTreeSet<PlaceId> = if own.iter().all(|id| is_leaf(input, *id)) && !everywhere {
        own.iter()
            .copied()
            .filter(|id| input.places.get(*id).is_some())
            .collect()
    } else {
        input
            .places
            .iter()
            .filter(|place| below(place))
            .map(|place| place.id)
            .collect()
    };
    if everywhere {
        all.insert(account);
    }
    all
}

fn is_leaf(input: &DecisionInput<'_>, id: PlaceId) -> bool {
    input
        .places
        .get(id)
        .is_none_or(|place| place.level == Level::Workspace)
}
