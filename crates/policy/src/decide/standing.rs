//! Whether a subject may have anything at a place, and what is bound on the way to it.

use bailiwick_types::Level;

use super::{Audience, DecisionInput, Reason};
use crate::{
    AccountPolicy, MemberState, PermissionBits, PermissionNo, PlaceId, PlaceState, RoleNo,
    manifest::{MemberKind, UserMode},
    places::Place,
    product::{Product, RoleLevel},
    set::{is_over, is_over_at},
};

/// Whether the subject may have anything here, and which default roles it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(super) kind: Option<MemberKind>,
    pub(super) anonymous: bool,
}

impl Standing {
    /// The default roles of the subject.
    pub(crate) fn default_roles(self, product: &Product) -> impl Iterator<Item = RoleNo> {
        let of_kind = self.kind.and_then(|kind| product.default_role(kind));
        let of_all = if self.anonymous {
            product.anonymous_role()
        } else {
            None
        };
        of_kind.into_iter().chain(of_all)
    }
}

/// Whether the subject may have everything that it is given on this way: nothing suspended, restricted,
/// moving or deleted, and membership where the product asks for it.
pub(crate) fn standing(input: &DecisionInput<'_>, path: &[&Place]) -> Result<Standing, Reason> {
    standing_where(input, path, |_| false)
}

/// Whether the subject may have the permission on this way: a restricted account keeps what the product's
/// manifest names.
pub(crate) fn standing_for(
    input: &DecisionInput<'_>,
    path: &[&Place],
    permission: PermissionNo,
) -> Result<Standing, Reason> {
    standing_where(input, path, |kept| kept.contains(permission))
}

/// Whether the subject may have something on this way, with the permissions that a restricted account keeps.
pub(crate) fn standing_kept<'a>(
    input: &DecisionInput<'a>,
    path: &[&Place],
) -> Result<(Standing, Option<&'a PermissionBits>), Reason> {
    let standing = standing_where(input, path, |_| true)?;
    let restricted = input.places.account().state == PlaceState::Restricted;
    let kept = restricted.then(|| input.policy.product().restricted());
    Ok((standing, kept))
}

fn standing_where(
    input: &DecisionInput<'_>,
    path: &[&Place],
    keeps: impl Fn(&PermissionBits) -> bool,
) -> Result<Standing, Reason> {
    for place in path.iter().rev() {
        match (place.state, place.level) {
            (PlaceState::Active, _) => {}
            (PlaceState::Restricted, _) => {
                if !keeps(input.policy.product().restricted()) {
                    return Err(Reason::AccountRestricted);
                }
            }
            (PlaceState::Suspended, Level::Account) => return Err(Reason::AccountSuspended),
            (PlaceState::Suspended, _) => return Err(Reason::ScopeSuspended),
            (PlaceState::Moving, _) => return Err(Reason::ScopeMoving),
            (PlaceState::Deleted, _) => return Err(Reason::ScopeDeleted),
        }
    }
    let kind = input.subject.kind();
    if kind == "user" && input.policy.product().user_mode() == UserMode::Members {
        let own = input.sets.first().filter(|set| set.subject() == input.subject);
        let member = own.and_then(|set| set.member()).ok_or(Reason::NotAMember)?;
        if member.state == MemberState::Suspended {
            return Err(Reason::MemberSuspended);
        }
        if is_over_at(member.expires_at, input.now) {
            return Err(Reason::MembershipExpired);
        }
        return Ok(Standing {
            kind: Some(member.kind),
            anonymous: true,
        });
    }
    // Whoever is signed in may do what anybody may who is not.
    Ok(Standing {
        kind: None,
        anonymous: kind == "user" || kind == "anonymous",
    })
}

/// The bindings that count on the way to a place, with what their roles give there. In a restricted account
/// none of its own does.
pub(crate) fn bound<'a>(
    input: &'a DecisionInput<'a>,
    path: &'a [&'a Place],
) -> impl Iterator<Item = (RoleNo, Level, &'a RoleLevel)> {
    bound_where(input, path, standing(input, path).is_ok())
}

/// The same, with whether bindings of the product and the account count if the user is not disabled.
pub(super) fn bound_where<'a>(
    input: &'a DecisionInput<'a>,
    path: &'a [&'a Place],
    stands: bool,
) -> impl Iterator<Item = (RoleNo, Level, &'a RoleLevel)> {
    let stands = !input.disabled && stands;
    let operators = input.audience == Audience::Suite && !input.disabled;
    let suite = [
        (PlaceId::DEPLOYMENT, Level::Deployment, operators),
        (PlaceId::PRODUCT, Level::Product, stands),
    ];
    let suite = suite
        .into_iter()
        .filter(|(_, _, counts)| *counts)
        .map(|(place, level, _)| (place, level));
    let own = path
        .iter()
        .filter(move |_| stands)
        .map(|place| (place.id, place.level));
    let places: Vec<(PlaceId, Level)> = suite.chain(own).collect();
    input.sets.iter().flat_map(move |set| {
        let places = places.clone();
        places
            .into_iter()
            .filter_map(|(place, level)| Some((set.at(place)?, level)))
            .flat_map(move |(held, level)| {
                let live = held
                    .bindings
                    .iter()
                    .filter(|binding| !is_over(binding.expires, input.now));
                live.filter_map(move |binding| {
                    let at = level_of(input.policy, binding.role, level)?;
                    Some((binding.role, level, at))
                })
            })
    })
}

fn level_of(policy: &AccountPolicy, role: RoleNo, level: Level) -> Option<&RoleLevel> {
    policy.role(role)?.level(level)
}
