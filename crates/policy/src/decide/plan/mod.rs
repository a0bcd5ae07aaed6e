//! Plans: under which conditions on a resource a subject is allowed, as far as that can be told
//! without the resource.
//!
//! A plan is a list of alternatives over what a service has in its own tables: the scope of a resource, its
//! id, its parents, its owner and its attributes. Everything else (subject, request, parameters, instant) is
//! put in already.

mod predicate;
mod sql;
mod text;

use std::collections::BTreeSet;

use bailiwick_types::{Level, Subject};

pub use predicate::{Field, FieldName, Predicate, Term};
pub use sql::{AccountColumn, AccountColumnError, SqlCondition, Table, sql_condition};
pub use text::condition_text;

use super::{
    Audience, DecisionInput, serves_values,
    standing::{Standing, standing_for},
    walk::giver,
};
use crate::{
    PermissionNo, PlaceId, PlaceState, Resource, TypeNo,
    condition::Condition,
    product::{ApprovalRule, EntryRule, PermissionInfo, RoleLevel, TypeInfo},
    set::{ApprovalTarget, Grant, PermissionSet, Shapes, TypeGrantReach, is_over, is_over_at},
    value::Values,
};
use predicate::{Given, Partial, partial};

/// Something of a plan cannot be said in the form that was asked for. It is never left out or widened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Inexpressible(pub String);

/// Under which conditions resources of a type are allowed: where one of the alternatives holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The type of the resources.
    pub of: TypeNo,
    /// The alternatives; none means that nothing is allowed.
    pub alternatives: Vec<Alternative>,
    /// The places of the account in which nothing is allowed (suspended, moving or deleted, or in such a
    /// place), but for alternatives that hold [`everywhere`](Alternative::everywhere).
    pub closed: Vec<PlaceId>,
}

/// One alternative: everything that it says has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The resource lies in one of these places or below; in the account where there are none.
    pub places: Vec<PlaceId>,
    /// Whether it holds in closed places too.
    pub everywhere: bool,
    /// The resource is one of these or lies below one of them, where there are any.
    pub under: Vec<(TypeNo, Box<str>)>,
    /// The resource was registered in this reach.
    pub reach: TypeGrantReach,
    /// The resource is one of these, where given: ids without the type.
    pub only: Option<Vec<Box<str>>>,
    /// What is to be true of the resource.
    pub condition: Option<Predicate>,
    /// Whether somebody has to approve.
    pub needs_approval: bool,
}

impl Alternative {
    /// Whether it admits every resource of the type in places that are not closed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.places.is_empty()
            && self.under.is_empty()
            && self.reach == TypeGrantReach::All
            && self.only.is_none()
            && self.condition.is_none()
            && !self.needs_approval
    }
}

impl Plan {
    /// Whether every resource of the type is allowed.
    #[must_use]
    pub fn is_all(&self) -> bool {
        let closed = !self.closed.is_empty();
        let whole = |one: &Alternative| one.is_whole() && (one.everywhere || !closed);
        self.alternatives.iter().any(whole)
    }
}

/// Plans for which resources of a type [`decide`](super::decide) allows a permission; the input's target is
/// not looked at, and of a split set all buckets have to be there. `bound` are the resources that the
/// subject has approvals for which are bound to stored values: without it, such an approval allows nothing.
#[must_use]
pub fn plan(input: &DecisionInput<'_>, permission: PermissionNo, of: TypeNo, bound: &[&Resource]) -> Plan {
    let mut planner = Planner {
        closed: Vec::new(),
        alternatives: Vec::new(),
    };
    let product = input.policy.product();
    let known = product.permission(permission).and_then(|info| {
        Some(Asked {
            input,
            info,
            own_type: product.type_info(info.type_no)?,
            of: product.type_info(of)?,
            type_rule: input.policy.type_rule(permission),
            bound,
        })
    });
    match known {
        Some(asked) if !input.disabled && product.may_be_asked_on(permission, of) => planner.walk(&asked),
        _ => {}
    }
    planner.finish(of)
}

/// The question, with everything that it names found.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    input: &'a DecisionInput<'a>,
    info: &'a PermissionInfo,
    own_type: &'a TypeInfo,
    of: &'a TypeInfo,
    type_rule: Option<&'a ApprovalRule>,
    bound: &'a [&'a Resource],
}

/// Where something counts.
#[derive(Debug, Clone)]
struct Where {
    place: Option<PlaceId>,
    everywhere: bool,
    under: Option<(TypeNo, Box<str>)>,
    reach: TypeGrantReach,
}

impl Where {
    const ACCOUNT: Self = Self {
        place: None,
        everywhere: false,
        under: None,
        reach: TypeGrantReach::All,
    };
}

struct Planner {
    closed: Vec<PlaceId>,
    alternatives: Vec<Alternative>,
}

impl Planner {
    fn walk(&mut self, asked: &Asked<'_>) {
        const NOBODY: Standing = Standing {
            kind: None,
            anonymous: false,
        };
        let input = asked.input;
        let account = *input.places.account();
        if input.audience == Audience::Suite {
            let at = Where {
                everywhere: true,
                ..Where::ACCOUNT
            };
            for set in input.sets {
                if let Some(held) = set.at(PlaceId::DEPLOYMENT) {
                    self.bindings(asked, NOBODY, set, held.bindings, Level::Deployment, &at);
                }
            }
        }
        let Ok(standing) = standing_for(input, &[&account], asked.info.no) else {
            return;
        };
        self.closed = closed(input);
        for set in input.sets {
            // Roles of a product's services give nothing where nobody else's do.
            if let Some(held) = set.at(PlaceId::PRODUCT) {
                self.bindings(asked, NOBODY, set, held.bindings, Level::Product, &Where::ACCOUNT);
            }
            self.set(asked, standing, set);
        }
        for role in standing.default_roles(input.policy.product()) {
            let at = input
                .policy
                .role(role)
                .and_then(|role| role.level(Level::Account));
            if let Some(at) = at {
                self.entries(asked, standing, at, None, &Where::ACCOUNT);
            }
        }
        let sets = input.sets.iter().map(|set| set.resource_grants());
        let buckets = input.buckets.iter().map(|bucket| bucket.grants());
        for grants in sets.chain(buckets) {
            for (of, id, grant) in grants.iter() {
                let at = Where {
                    under: Some((of, id.into())),
                    ..Where::ACCOUNT
                };
                let parameters = grants.parameters_of(grant.parameters);
                self.grant(asked, standing, grants.shapes(), grant, parameters, &at);
            }
        }
    }

    fn set(&mut self, asked: &Asked<'_>, standing: Standing, set: &PermissionSet) {
        let account = asked.input.places.account().id;
        for held in set.held() {
            let Some(place) = asked.input.places.get(held.place) else {
                continue;
            };
            if self.closed.contains(&place.id) {
                continue;
            }
            let at = Where {
                place: (place.id != account).then_some(place.id),
                ..Where::ACCOUNT
            };
            self.bindings(asked, standing, set, held.bindings, place.level, &at);
            for grant in held.scope_grants {
                let parameters = set.parameters_of(grant.parameters);
                self.grant(asked, standing, set.shapes(), *grant, parameters, &at);
            }
            for of_type in held.type_grants.iter().filter(|grant| grant.of == asked.of.no) {
                let at = Where {
                    reach: of_type.reach,
                    ..at.clone()
                };
                let parameters = set.parameters_of(of_type.grant.parameters);
                self.grant(asked, standing, set.shapes(), of_type.grant, parameters, &at);
            }
        }
    }

    fn bindings(
        &mut self,
        asked: &Asked<'_>,
        standing: Standing,
        set: &PermissionSet,
        bindings: &[crate::set::Binding],
        level: Level,
        at: &Where,
    ) {
        for binding in bindings {
            let role = asked.input.policy.role(binding.role);
            if let Some(gives) = role.and_then(|role| role.level(level))
                && !is_over(binding.expires, asked.input.now)
            {
                let parameters = set.parameters_of(binding.parameters);
                self.entries(asked, standing, gives, parameters, at);
            }
        }
    }

    fn entries(
        &mut self,
        asked: &Asked<'_>,
        standing: Standing,
        gives: &RoleLevel,
        parameters: Option<&Values>,
        at: &Where,
    ) {
        let permission = asked.info.no;
        if gives.waived.contains(permission) {
            self.add(asked, at, None, None);
        }
        if gives.plain.contains(permission) {
            self.add(asked, at, None, asked.type_rule);
        }
        for (_, entry) in gives
            .specials()
            .filter(|(_, entry)| entry.bits.contains(permission))
        {
            let rule = match &entry.rule {
                EntryRule::OfType => asked.type_rule,
                EntryRule::Waived => None,
                EntryRule::Own(rule) => Some(rule).filter(|rule| asked.input.policy.is_active(rule)),
            };
            match &entry.condition {
                None => self.add(asked, at, None, rule),
                Some(condition) => {
                    self.when(asked, standing, &[condition], parameters, at, rule);
                }
            }
        }
    }

    fn grant(
        &mut self,
        asked: &Asked<'_>,
        standing: Standing,
        shapes: &Shapes,
        grant: Grant,
        parameters: Option<&Values>,
        at: &Where,
    ) {
        if !shapes.gives(grant.shape, asked.info) || is_over(grant.expires, asked.input.now) {
            return;
        }
        let rule = asked.type_rule;
        if parameters.is_none() && !asked.info.given_when {
            self.add(asked, at, None, rule);
            return;
        }
        let product = asked.input.policy.product();
        for pattern in shapes.get(grant.shape) {
            let Some(giver) = giver(product, *pattern, asked.info) else {
                continue;
            };
            let conditions: Vec<&Condition> = giver.conditions_for(asked.info).collect();
            if conditions.is_empty() && parameters.is_some() && !product.is_conditional(*pattern) {
                continue;
            }
            self.when(asked, standing, &conditions, parameters, at, rule);
        }
    }

    /// Adds what is allowed where all of the conditions are true.
    fn when(
        &mut self,
        asked: &Asked<'_>,
        standing: Standing,
        conditions: &[&Condition],
        parameters: Option<&Values>,
        at: &Where,
        rule: Option<&ApprovalRule>,
    ) {
        let input = asked.input;
        let given = Given {
            subject: input.subject,
            kind: standing.kind,
            permission: asked.info,
            own_type: asked.own_type,
            of: asked.of,
            request: input.request,
            parameters,
            now: input.now,
        };
        let mut left = Vec::new();
        for condition in conditions {
            match partial(condition.expr(), &given) {
                Partial::True => {}
                Partial::NotTrue => return,
                Partial::When(predicate) => left.push(predicate),
            }
        }
        let left = match left.len() {
            0 | 1 => left.pop(),
            _ => Some(Predicate::All(left.into())),
        };
        self.add(asked, at, left, rule);
    }

    fn add(
        &mut self,
        asked: &Asked<'_>,
        at: &Where,
        condition: Option<Predicate>,
        rule: Option<&ApprovalRule>,
    ) {
        let one = Alternative {
            places: at.place.into_iter().collect(),
            everywhere: at.everywhere,
            under: at.under.iter().cloned().collect(),
            reach: at.reach,
            only: None,
            condition,
            needs_approval: rule.is_some(),
        };
        if rule.is_some() {
            // What is approved already is allowed.
            let only = approved(asked, rule);
            if !only.is_empty() {
                self.merge(Alternative {
                    only: Some(only),
                    needs_approval: false,
                    ..one.clone()
                });
            }
        }
        self.merge(one);
    }

    /// Joins alternatives that differ in their places, or in the resources that they are on.
    fn merge(&mut self, one: Alternative) {
        let same = |other: &&mut Alternative| {
            let scoped = other.places.is_empty() == one.places.is_empty();
            let on_resources = other.under.is_empty() == one.under.is_empty();
            // Resources are joined where the places are the same, and the other way round.
            scoped
                && on_resources
                && (other.places == one.places || other.under == one.under)
                && other.everywhere == one.everywhere
                && other.reach == one.reach
                && other.only == one.only
                && other.condition == one.condition
                && other.needs_approval == one.needs_approval
        };
        match self.alternatives.iter_mut().find(same) {
            None => self.alternatives.push(one),
            Some(other) => {
                other.places.extend(one.places);
                other.places.sort();
                other.places.dedup();
                other.under.extend(one.under);
                other.under.sort();
                other.under.dedup();
            }
        }
    }

    /// Leaves out what another alternative says anyway.
    fn finish(mut self, of: TypeNo) -> Plan {
        let everywhere = |one: &Alternative| one.is_whole() && one.everywhere;
        if let Some(all) = self.alternatives.iter().find(|one| everywhere(one)).cloned() {
            self.alternatives = vec![all];
        } else if let Some(all) = self.alternatives.iter().find(|one| one.is_whole()).cloned() {
            self.alternatives.retain(|one| one.everywhere);
            self.alternatives.push(all);
        }
        Plan {
            of,
            alternatives: self.alternatives,
            closed: self.closed,
        }
    }
}

/// The places in which nothing is allowed.
fn closed(input: &DecisionInput<'_>) -> Vec<PlaceId> {
    let shut: BTreeSet<PlaceId> = input
        .places
        .iter()
        .filter(|place| place.state != PlaceState::Active)
        .map(|place| place.id)
        .collect();
    if shut.is_empty() {
        return Vec::new();
    }
    let mut closed: Vec<PlaceId> = input
        .places
        .iter()
        .filter(|place| shut.contains(&place.id) || shut.contains(&place.parent))
        .map(|place| place.id)
        .collect();
    closed.sort();
    closed
}

/// The ids of the resources for which an approved, unexpired, unused request is there.
fn approved(asked: &Asked<'_>, rule: Option<&ApprovalRule>) -> Vec<Box<str>> {
    let input = asked.input;
    let own = |set: &&&PermissionSet| -> bool {
        let subject: &Subject = set.subject();
        subject == input.subject
    };
    let mut ids: Vec<Box<str>> = input
        .sets
        .first()
        .filter(own)
        .into_iter()
        .flat_map(|set| set.approvals())
        .filter(|approval| {
            approval.approved
                && approval.permission == asked.info.no
                && approval
                    .digest
                    .as_deref()
                    .is_none_or(|digest| input.request.digest == Some(digest))
                && !is_over_at(approval.expires_at, input.now)
        })
        .filter_map(|approval| match &approval.target {
            ApprovalTarget::Resource(of, id) if *of == asked.of.no => {
                let is_it = |resource: &&&Resource| resource.type_no == *of && resource.id == *id;
                let resource = asked.bound.iter().find(is_it).copied();
                let known = resource.is_some() || approval.bound.is_none();
                (known && serves_values(approval, rule, resource)).then(|| id.clone())
            }
            ApprovalTarget::Resource(..) | ApprovalTarget::Place(_) => None,
        })
        .collect();
    ids.sort();
    ids.dedup();
    ids
}
