//! Which grants reach a resource, and whether the caller may change that by giving it another parent or
//! scope.

use std::collections::BTreeSet;

use bailiwick_policy::{Claim, DecisionInput, HeldPermissions, Reason, decide, permissions_held};

use super::{Name, Resource, tree::with_all_below};
use crate::prelude::*;
use crate::{
    Aim, On, Standing,
    grant::{About, AppliesTo, Filter, Grant, anew::given, giving},
    preview::MOST,
    sources::holds_in_account,
};

/// Whether the caller may put a resource below another parent: it may edit the parent, and holds, on the
/// resource and on each below it, what is granted on the parent and those above the parent.
pub(super) async fn may_reparent(work: &mut Work, resource: &Resource, parent: &Name) -> Result<bool, Error> {
    let child = load(work, &resource.name).await?;
    let above = load(work, parent).await?;
    let mut scopes: BTreeSet<Scope> = above.scope.iter().chain([&resource.scope]).cloned().collect();
    work.look_at(&scopes).await?;
    let own = own_standing(work).await?;
    if !allows_on(work, &own, &above, &format!("{}.edit", parent.of)) {
        return Ok(false);
    }
    let product = work.situation.policy.product();
    let present = child.names(product);
    let mut grants = Vec::new();
    for name in above.names(product) {
        if !present.contains(&name) {
            let filter = Filter {
                resource: Some(name),
                ..Filter::default()
            };
            grants.extend(unexpired(work, &filter).await?);
        }
    }
    let is_own = |grant: &Grant| own.sets.iter().any(|set| *set.subject() == grant.subject);
    let gives_nothing_new = if work.actor.is_operator() {
        !grants.iter().any(is_own)
    } else {
        let holds = |no| holds_in_account(work, &Claim::permission(no));
        given(product, &grants).iter().all(holds)
    };
    if gives_nothing_new {
        return Ok(true);
    }
    let names = with_all_below(&*work.unit, &resource.name).await?;
    if names.len() > MOST {
        return Err(Error::Precondition(Precondition::TreeTooLarge(MOST)));
    }
    let mut changes = Vec::with_capacity(names.len());
    for name in names {
        let before = load(work, &name).await?;
        scopes.extend(before.scope.clone());
        let after = before.reparented(&child, &above);
        changes.push((before, after));
    }
    work.look_at(&scopes).await?;
    Ok(may_change_reach(work, &own, &changes, &grants))
}

/// Whether the grants around the target let the caller move resources there from another scope: it holds what
/// they give on each of the resources, and has no more on any of them afterwards.
pub(super) async fn may_relocate(
    work: &Work,
    own: &Standing,
    aims: Vec<Aim>,
    (from, to): (&Scope, &Scope),
) -> Result<bool, StoreError> {
    let revision = work.revision()?;
    let from = work.situation.path(from);
    let mut grants = Vec::new();
    for scope in work.situation.path(to) {
        let is_around_both = from.contains(&scope);
        let filter = Filter {
            scope: Some(scope),
            ..Filter::default()
        };
        let mut around = unexpired(work, &filter).await?;
        // What moves counts as registered at the move: of the grants around both scopes, those on future
        // resources come to reach it.
        around.retain(|grant| !is_around_both || is_on_future(grant));
        grants.append(&mut around);
    }
    let moved = |before: Aim| {
        let after = before.moved(to, revision);
        (before, after)
    };
    let changes: Vec<(Aim, Aim)> = aims.into_iter().map(moved).collect();
    Ok(may_change_reach(work, own, &changes, &grants))
}

fn is_on_future(grant: &Grant) -> bool {
    matches!(
        grant.about,
        About::Type {
            applies_to: AppliesTo::Future,
            ..
        }
    )
}

/// Whether the caller has a permission on a resource. Only a caller with the permission in the whole account
/// learns that a resource does not exist.
pub(super) fn allows_on(work: &Work, own: &Standing, aim: &Aim, permission: &str) -> bool {
    if work.actor.is_operator() {
        return true;
    }
    let Some(scope) = &aim.scope else {
        return work.require(permission, &work.account_scope()).is_ok();
    };
    if !work.situation.key_serves(&work.actor, permission, scope) {
        return false;
    }
    let permission = work.situation.policy.product().permission_no(permission);
    permission.is_some_and(|permission| ask(work, own, aim, |input| decide(input, permission).is_allow()))
}

/// What the caller has in the account, with its grants on resources; for an operator, what it has there as a
/// user.
pub(super) async fn own_standing(work: &Work) -> Result<Standing, StoreError> {
    work.situation
        .whole_standing(&*work.unit, &work.actor.subject)
        .await
}

/// Resolves a resource with those above it.
pub(super) async fn load(work: &Work, name: &Name) -> Result<Aim, StoreError> {
    Aim::load(&*work.unit, &work.situation.policy, On::Resource(name.clone())).await
}

/// Whether the caller may let other grants reach these resources, each given as it is and as it would be. The
/// operator may give anything to others, but nothing to itself.
fn may_change_reach(work: &Work, own: &Standing, changes: &[(Aim, Aim)], grants: &[Grant]) -> bool {
    changes.iter().all(|(before, after)| {
        let (old, new) = (Reach::of(work, before), Reach::of(work, after));
        let mut gained = grants
            .iter()
            .filter(|grant| new.has(grant) && !old.has(grant))
            .peekable();
        // A key gives nothing.
        if work.actor.key.is_some() && gained.peek().is_some() {
            return false;
        }
        let held = |aim: &Aim| ask(work, own, aim, permissions_held);
        (work.actor.is_operator() || holds_granted(work, own, before, gained))
            && !grows(&held(before), &held(after))
    })
}

/// Whether the caller has on the resource everything that the grants give there. Conditions are evaluated; an
/// approval does not count.
fn holds_granted<'g>(
    work: &Work,
    own: &Standing,
    aim: &Aim,
    grants: impl IntoIterator<Item = &'g Grant>,
) -> bool {
    let product = work.situation.policy.product();
    let of = match &aim.on {
        On::Resource(name) => product.type_no(&name.of),
        On::Scope(_) => None,
    };
    given(product, grants)
        .iter()
        .filter(|no| of.is_some_and(|of| product.may_be_asked_on(*no, of)))
        .all(|no| {
            let decision = ask(work, own, aim, |input| decide(input, no));
            decision.is_allow() && decision.reason != Reason::Approved
        })
}

/// Whether a check on the resource would allow more than before: at once, after an approval, or with more
/// from the request.
pub(crate) fn grows(before: &HeldPermissions, after: &HeldPermissions) -> bool {
    // Each set has those of the stronger ways in it, so that only a weaker way to the same permission is no
    // growth.
    let ways = |all: &HeldPermissions| {
        let mut with_approval = all.allowed.clone();
        with_approval.union(&all.needs_approval);
        let mut any = with_approval.clone();
        any.union(&all.undecided);
        [all.allowed.clone(), with_approval, any]
    };
    let (before, after) = (ways(before), ways(after));
    !after
        .iter()
        .zip(&before)
        .all(|(after, before)| after.is_subset(before))
}

/// What decides which grants reach a resource.
struct Reach {
    /// Its name, then those of the resources above it.
    names: Vec<Name>,
    /// The scopes around it.
    path: Vec<Scope>,
    /// The revision at which it was registered.
    registered: u64,
}

impl Reach {
    fn of(work: &Work, aim: &Aim) -> Self {
        let path = aim.scope.as_ref().map(|scope| work.situation.path(scope));
        Self {
            names: aim.names(work.situation.policy.product()),
            path: path.unwrap_or_default(),
            registered: aim.registered().unwrap_or_default(),
        }
    }
    fn has(&self, grant: &Grant) -> bool {
        match &grant.about {
            About::Resource(name) => self.names.contains(name),
            About::Scope(scope) => self.path.contains(scope),
            About::Type { of, scope, .. } => {
                let in_time = grant.reach().is_some_and(|reach| reach.covers(self.registered));
                let is_of_type = self.names.first().is_some_and(|name| name.of == *of);
                in_time && is_of_type && self.path.contains(scope)
            }
        }
    }
}

/// The grants that a filter has and that have not ended.
pub(super) async fn unexpired(work: &Work, filter: &Filter) -> Result<Vec<Grant>, StoreError> {
    let mut all = giving::all(&*work.unit, filter).await?;
    all.retain(|grant| grant.lasts(work.now));
    Ok(all)
}

fn ask<T>(work: &Work, own: &Standing, aim: &Aim, run: impl FnOnce(&DecisionInput<'_>) -> T) -> T {
    let request = work.situation.plain_request();
    aim.target(|target| {
        work.situation
            .ask_about(&work.actor.subject, own, target, request, work.now, run)
    })
}
