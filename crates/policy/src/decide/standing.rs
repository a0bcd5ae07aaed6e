//! Whether a subject may have anything at a place, and what is bound on the way to it.

use bailiwick_types::Level;

use super::{Audience, DecisionInput, Reason};
use crate::{
    AccountPolicy, MemberState, PlaceId, PlaceState, RoleNo,
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

/// Whether the subject may have anything on this way: nothing suspended, moving or deleted, and membership
/// where the product asks for it.
pub(crate) fn standing(input: &DecisionInput<'_>, path: &[&Place]) -> Result<Standing, Reason> {
    for place in path.iter().rev() {
        match (place.state, place.level) {
            (PlaceState::Active, _) => {}
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

/// The bindings that count on the way to a place, with what their roles give there.
pub(crate) fn bound<'a>(
    input: &'a DecisionInput<'a>,
    path: &'a [&'a Place],
) -> impl Iterator<Item = (RoleNo, Level, &'a RoleLevel)> {
    let stands = !input.disabled && standing(input, path).is_ok();
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
