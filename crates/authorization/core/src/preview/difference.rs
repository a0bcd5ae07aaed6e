//! From what people had and would have to what they would gain and lose.

use std::collections::BTreeMap;

use bailiwick_policy::{HeldPermissions, PermissionBits, PermissionNo, Product};
use bailiwick_types::{AccountId, Subject};

use super::{Effect, Point, Shift, Spot, Strength};
use crate::On;

/// The differences, in the order of the points. A permission has the same number in all versions of a
/// product.
pub(crate) fn effects(
    account: AccountId,
    points: &[Point<'_>],
    (before, after): (&[HeldPermissions], &[HeldPermissions]),
    products: &[&Product],
) -> Vec<Effect> {
    let known: BTreeMap<&str, PermissionNo> = products
        .iter()
        .flat_map(|product| product.permissions())
        .map(|info| (&*info.name, info.no))
        .collect();
    let names = |more: &PermissionBits, less: &PermissionBits| -> Vec<String> {
        let only = known
            .iter()
            .filter(|(_, no)| more.contains(**no) && !less.contains(**no));
        only.map(|(name, _)| (*name).to_owned()).collect()
    };
    let effect = |subject: &Subject, spot: &Spot, before: &HeldPermissions, after: &HeldPermissions| {
        let shift = |(name, no): (&&str, &PermissionNo)| {
            let (before, after) = (strength(before, *no), strength(after, *no));
            (before != after).then(|| Shift {
                permission: (*name).to_owned(),
                before,
                after,
            })
        };
        let shifts: Vec<Shift> = known.iter().filter_map(shift).collect();
        let (on, of) = match spot {
            Spot::On(on) => (on.clone(), None),
            Spot::Type { of, scope, .. } => (On::Scope(scope.clone()), Some(of.clone())),
        };
        let gains = names(&effective(after), &effective(before));
        let loses = names(&effective(before), &effective(after));
        // A condition that becomes true is a gain, but no shift: the permission is conditional before and
        // after.
        let is_effect = !(gains.is_empty() && loses.is_empty() && shifts.is_empty());
        is_effect.then(|| Effect {
            account,
            subject: subject.clone(),
            on,
            of,
            gains,
            loses,
            shifts,
        })
    };
    let pairs = points.iter().copied().zip(before.iter().zip(after));
    pairs
        .filter_map(|((subject, _, spot), (before, after))| effect(subject, spot, before, after))
        .collect()
}

fn strength(held: &HeldPermissions, no: PermissionNo) -> Strength {
    if held.held.contains(no) {
        Strength::Full
    } else if held.needs_approval.contains(no) {
        Strength::NeedsApproval
    } else if held.allowed.contains(no) || held.undecided.contains(no) {
        Strength::Conditional
    } else {
        Strength::None
    }
}

/// What a check does not deny.
fn effective(held: &HeldPermissions) -> PermissionBits {
    let mut all = held.allowed.clone();
    all.union(&held.needs_approval);
    all
}
