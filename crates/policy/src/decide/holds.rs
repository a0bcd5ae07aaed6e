//! Holding: having unconditionally. What may be given away is what is held.

use std::collections::BTreeMap;

use bailiwick_types::{Level, Timestamp};

use super::{
    Audience, DecisionInput, Effect, Ground, Target,
    standing::{bound, standing},
};
use crate::{
    PermissionBits, PermissionNo, PermissionSet, PlaceId, RoleNo,
    manifest::{EntryApproval, Fault, RoleLevelDecl},
    product::{Entry, EntryRule, Pattern, Product, RoleLevel, entry_of},
    set::is_over,
};

/// Something that one has to hold to give it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// A permission or a pattern: who gives a pattern has to hold that pattern.
    pub pattern: Pattern,
    /// What of the pattern is not given.
    pub except: Box<[Pattern]>,
    /// Whether it is given whatever the types' approval rules say.
    pub waived: bool,
    /// The level at which it is given: it says what `*` stands for.
    pub level: Level,
}

impl Claim {
    /// A single permission, as a grant gives it.
    #[must_use]
    pub fn permission(permission: PermissionNo) -> Self {
        Self::pattern(Pattern::One(permission), Level::Account)
    }

    /// A permission or pattern, as a grant at that level gives it.
    #[must_use]
    pub fn pattern(pattern: Pattern, level: Level) -> Self {
        Self {
            pattern,
            except: [].into(),
            waived: false,
            level,
        }
    }

    pub(crate) fn of_entry(entry: &Entry, level: Level) -> Self {
        // An entry's own approval rule takes the place of the type's: giving it is giving past that rule.
        let waived = entry.rule != EntryRule::OfType;
        Self {
            pattern: entry.pattern,
            except: entry.except.clone(),
            waived,
            level,
        }
    }

    fn bits(&self, product: &Product) -> PermissionBits {
        let mut bits = product.matched(self.pattern, self.level);
        for part in &self.except {
            bits.subtract(&product.matched(*part, self.level));
        }
        bits
    }
}

/// The claims of a role's entries at a level, for who defines or changes a role.
///
/// # Errors
/// An entry names what the product does not have.
pub fn claims_of(product: &Product, level: Level, decl: &RoleLevelDecl) -> Result<Vec<Claim>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut claims = Vec::new();
    for (i, entry) in decl.permissions.iter().enumerate() {
        match entry_of(product, level, entry, &BTreeMap::new()) {
            Ok(compiled) => claims.push(Claim {
                waived: matches!(
                    entry.approval,
                    Some(EntryApproval::Waived(_) | EntryApproval::Rule(_))
                ),
                ..Claim::of_entry(&compiled, level)
            }),
            Err(message) => {
                faults.push(Fault {
                    path: format!("levels.{level}.permissions[{i}]"),
                    message,
                });
            }
        }
    }
    if faults.is_empty() {
        Ok(claims)
    } else {
        Err(faults)
    }
}

/// Tells whether the subject holds what is claimed on the target: without condition, approval
/// or request attribute.
#[must_use]
pub fn holds(input: &DecisionInput<'_>, claim: &Claim) -> bool {
    if let Pattern::One(permission) = claim.pattern {
        return holds_single(input, permission, claim);
    }
    let place = match input.target {
        Target::Scope(place) => place,
        Target::Resource([target, ..]) => target.place,
        Target::Resource([]) | Target::Absent => return false,
    };
    let Some(path) = input.places.path(place) else {
        return false;
    };
    let product = input.policy.product();
    let needed = claim.bits(product);
    let ruled = |waives: bool| {
        let rule = |no: PermissionNo| {
            product
                .permission(no)
                .and_then(|info| info.rule.as_ref())
                .is_some_and(|rule| claim.waived || input.policy.is_active(rule))
        };
        !waives && needed.iter().any(rule)
    };
    let by_entry = |level: Level, entry: &Entry| {
        entry.condition.is_none()
            && !matches!(entry.rule, EntryRule::Own(_))
            && covers(product, level, entry.pattern, &entry.except, claim)
            && needed.is_subset(&entry.bits)
            && !ruled(entry.waives())
    };
    if bound(input, &path).any(|(_, level, at)| at.entries().iter().any(|entry| by_entry(level, entry))) {
        return true;
    }
    if input.disabled {
        return false;
    }
    let Ok(standing) = standing(input, &path) else {
        return false;
    };
    let default = |role: RoleNo| {
        let at = input
            .policy
            .role(role)
            .and_then(|role| role.level(Level::Account));
        at.is_some_and(|at: &RoleLevel| at.entries().iter().any(|entry| by_entry(Level::Account, entry)))
    };
    if standing.default_roles(product).any(default) {
        return true;
    }
    !ruled(false) && granted(input, &path, claim)
}

/// A grant of the pattern on a scope of the path.
fn granted(input: &DecisionInput<'_>, path: &[&crate::places::Place], claim: &Claim) -> bool {
    let product = input.policy.product();
    let bits = claim.bits(product);
    let claim_is_conditional = product
        .permissions()
        .any(|info| info.given_when && bits.contains(info.no));
    input.sets.iter().any(|set| {
        path.iter()
            .filter_map(|place| Some((set.at(place.id)?, place.level)))
            .any(|(held, level)| {
                held.scope_grants.iter().any(|grant| {
                    !claim_is_conditional
                        && set.parameters_of(grant.parameters).is_none()
                        && !is_over(grant.expires, input.now)
                        && set
                            .shapes()
                            .get(grant.shape)
                            .iter()
                            .any(|given| covers(product, level, *given, &[], claim))
                })
            })
    })
}

/// Whether a pattern with exceptions, given at a level, covers the claim now and after the product grows.
fn covers(product: &Product, level: Level, given: Pattern, except: &[Pattern], claim: &Claim) -> bool {
    let type_of = |no: PermissionNo| product.permission(no).map(|info| info.type_no);
    let whole = match (given, claim.pattern) {
        (Pattern::All, Pattern::All) => level <= claim.level,
        (Pattern::All, Pattern::Type(of)) => product
            .type_info(of)
            .is_some_and(|of| of.level.is_none_or(|of| of >= level)),
        (Pattern::Type(a), Pattern::Type(b)) => a == b,
        _ => false,
    };
    let touches = |part: &Pattern| match (part, claim.pattern) {
        (Pattern::Type(of), Pattern::Type(claimed)) => *of == claimed,
        (Pattern::One(no), Pattern::Type(claimed)) => type_of(*no) == Some(claimed),
        _ => true,
    };
    let left_out = |part: &Pattern| {
        claim.except.iter().any(|other| match (other, part) {
            (Pattern::Type(of), Pattern::One(no)) => type_of(*no) == Some(*of),
            _ => other == part,
        })
    };
    whole && except.iter().filter(|part| touches(part)).all(left_out)
}

/// Giving a permission gives what it brings with it: all of that has to be held, for an exception of the
/// giver's own entry may have left some of it out.
fn holds_single(input: &DecisionInput<'_>, permission: PermissionNo, claim: &Claim) -> bool {
    let product = input.policy.product();
    let Some(info) = product.permission(permission) else {
        return false;
    };
    let mut given = info.implies.clone();
    for part in &claim.except {
        given.subtract(&product.matched(*part, claim.level));
    }
    given.iter().all(|no| holds_permission(input, no, claim.waived))
}

fn holds_permission(input: &DecisionInput<'_>, permission: PermissionNo, waived: bool) -> bool {
    let Ok(ground) = Ground::find(input, permission) else {
        return false;
    };
    let has_rule = ground.info.rule.is_some();
    let mut held = false;
    ground.walk(&mut |candidate| {
        let past_rule = !waived || !has_rule || candidate.waived;
        held = candidate.effect == Effect::Allow && candidate.condition.is_none() && past_rule;
        !held
    });
    held
}

/// Tells whether a binding at the deployment (for the suite's own guard) or at the product
/// gives the permission.
///
/// This is for requests that name no account; all others go through [`decide`](super::decide).
#[must_use]
pub fn suite_holds(
    product: &Product,
    sets: &[&PermissionSet],
    permission: PermissionNo,
    audience: Audience,
    now: Timestamp,
) -> bool {
    let levels = [
        (PlaceId::DEPLOYMENT, Level::Deployment),
        (PlaceId::PRODUCT, Level::Product),
    ];
    let counts = |level: Level| audience == Audience::Suite || level == Level::Product;
    levels
        .into_iter()
        .filter(|(_, level)| counts(*level))
        .any(|(place, level)| {
            sets.iter()
                .filter_map(|set| set.at(place))
                .flat_map(|held| held.bindings)
                .any(|binding| {
                    let at = product.role(binding.role).and_then(|role| role.level(level));
                    !is_over(binding.expires, now)
                        && at.is_some_and(|at| at.unconditional().contains(permission))
                })
        })
}
