//! Everything that a subject effectively has in an account, with where it comes from.

use bailiwick_types::{Level, Subject, Timestamp};

use super::{DecisionInput, standing::standing_kept};
use crate::{
    PermissionBits, PermissionNo, PlaceId, RoleNo,
    condition::Condition,
    product::{EntryRule, Pattern, RoleLevel},
    set::{GrantRow, GrantTarget, is_over_at},
    value::Values,
};

/// A permission that a subject has somewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holding<'a> {
    /// The permission.
    pub permission: PermissionNo,
    /// What it is on: a scope (and all under it), a type in a scope, a resource (and all under it).
    pub on: GrantTarget<'a>,
    /// What gives it.
    pub source: HoldingSource,
    /// Whose it is: the subject, or a group that it is in; none for default roles.
    pub of: Option<&'a Subject>,
    /// The condition under which it counts.
    pub condition: Option<&'a Condition>,
    /// Another condition that has to hold too: that of what is given as implied by what was granted.
    pub and_condition: Option<&'a Condition>,
    /// The parameters that the conditions look at.
    pub parameters: Option<&'a Values>,
    /// Whether somebody has to approve.
    pub needs_approval: bool,
    /// When it ends, the membership's end considered.
    pub expires_at: Option<Timestamp>,
}

/// What gives a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HoldingSource {
    /// A binding of a role.
    Role(RoleNo),
    /// A default role.
    DefaultRole(RoleNo),
    /// A grant.
    Grant,
}

/// Shows everything that counts now, implied permissions included: what has expired, lies in a closed place
/// or belongs to somebody who may have nothing is left out. The input's target and request are not looked at.
pub fn holdings<'a>(input: &'a DecisionInput<'a>, visit: &mut dyn FnMut(Holding<'a>)) {
    let account = input.places.account();
    let Ok((standing, kept)) = standing_kept(input, &[account]) else {
        return;
    };
    if input.disabled {
        return;
    }
    let own = input.sets.first().filter(|set| set.subject() == input.subject);
    let ends = own.and_then(|set| set.member()?.expires_at);
    let mut lister = Lister {
        input,
        ends,
        kept,
        visit,
    };
    for set in input.sets {
        for (role, place, expires_at, parameters) in set.bindings() {
            if let Some(level) = open(input, place) {
                let of = Some(set.subject());
                let source = HoldingSource::Role(role);
                lister.role(role, level, (place, source, of), parameters, expires_at);
            }
        }
        for row in set.grants() {
            lister.grant(set.subject(), &row);
        }
    }
    for bucket in input.buckets {
        for row in bucket.rows() {
            lister.grant(bucket.subject(), &row);
        }
    }
    for role in standing.default_roles(input.policy.product()) {
        let source = HoldingSource::DefaultRole(role);
        lister.role(role, Level::Account, (account.id, source, None), None, None);
    }
}

/// The level of a place in which anything may be done.
fn open(input: &DecisionInput<'_>, place: PlaceId) -> Option<Level> {
    if place == PlaceId::PRODUCT {
        return Some(Level::Product);
    }
    let path = input.places.path(place)?;
    let active = path.iter().all(|place| place.state.is_open());
    path.first().filter(|_| active).map(|place| place.level)
}

struct Lister<'a, 'v> {
    input: &'a DecisionInput<'a>,
    /// When the membership ends.
    ends: Option<Timestamp>,
    /// What a restricted account keeps.
    kept: Option<&'a PermissionBits>,
    visit: &'v mut dyn FnMut(Holding<'a>),
}

impl<'a> Lister<'a, '_> {
    fn show(&mut self, holding: Holding<'a>) {
        let is_left_out = self.kept.is_some_and(|kept| !kept.contains(holding.permission));
        if is_left_out || is_over_at(holding.expires_at, self.input.now) {
            return;
        }
        let expires_at = match (holding.expires_at, self.ends) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        (self.visit)(Holding {
            expires_at,
            ..holding
        });
    }

    fn role(
        &mut self,
        role: RoleNo,
        level: Level,
        (place, source, of): (PlaceId, HoldingSource, Option<&'a Subject>),
        parameters: Option<&'a Values>,
        expires_at: Option<Timestamp>,
    ) {
        let at: Option<&'a RoleLevel> = self.input.policy.role(role).and_then(|role| role.level(level));
        let Some(at) = at else { return };
        let plain = |permission, needs_approval| Holding {
            permission,
            on: GrantTarget::Scope(place),
            source,
            of,
            condition: None,
            and_condition: None,
            parameters: None,
            needs_approval,
            expires_at,
        };
        for permission in at.waived.iter() {
            self.show(plain(permission, false));
        }
        for permission in at.plain.iter().filter(|no| !at.waived.contains(*no)) {
            let needs_approval = self.input.policy.type_rule(permission).is_some();
            self.show(plain(permission, needs_approval));
        }
        for (_, entry) in at.specials() {
            for permission in entry.bits.iter() {
                let needs_approval = match &entry.rule {
                    EntryRule::OfType => self.input.policy.type_rule(permission).is_some(),
                    EntryRule::Waived => false,
                    EntryRule::Own(rule) => self.input.policy.is_active(rule),
                };
                self.show(Holding {
                    condition: entry.condition.as_ref(),
                    parameters: entry.condition.as_ref().and(parameters),
                    ..plain(permission, needs_approval)
                });
            }
        }
    }

    fn grant(&mut self, of: &'a Subject, row: &GrantRow<'a>) {
        let product = self.input.policy.product();
        let asked_on = match row.target {
            GrantTarget::Scope(place) if open(self.input, place).is_some() => None,
            GrantTarget::Type(place, of, _) if open(self.input, place).is_some() => Some(of),
            GrantTarget::Resource(..) => None,
            GrantTarget::Scope(_) | GrantTarget::Type(..) => return,
        };
        for pattern in row.permissions {
            let given: Vec<(PermissionNo, PermissionNo)> = match pattern {
                Pattern::One(giver) => {
                    let info = product.permission(*giver);
                    info.into_iter()
                        .flat_map(|info| info.implies.iter())
                        .map(|no| (no, *giver))
                        .collect()
                }
                Pattern::Type(of) => {
                    let info = product.type_info(*of);
                    info.into_iter()
                        .flat_map(|info| info.permissions.iter())
                        .map(|no| (no, no))
                        .collect()
                }
                Pattern::All => product.permissions().map(|info| (info.no, info.no)).collect(),
            };
            for (permission, giver) in given {
                if asked_on.is_some_and(|of| !product.may_be_asked_on(permission, of)) {
                    continue;
                }
                let (Some(giver), Some(asked)) = (product.permission(giver), product.permission(permission))
                else {
                    continue;
                };
                let mut conditions = giver.conditions_for(asked);
                let condition = conditions.next();
                // Nothing is given by parameters that nothing looks at.
                if row.parameters.is_some() && condition.is_none() && !product.is_conditional(*pattern) {
                    continue;
                }
                self.show(Holding {
                    permission,
                    on: row.target,
                    source: HoldingSource::Grant,
                    of: Some(of),
                    condition,
                    and_condition: conditions.next(),
                    parameters: condition.and(row.parameters),
                    needs_approval: self.input.policy.type_rule(permission).is_some(),
                    expires_at: row.expires_at,
                });
            }
        }
    }
}
