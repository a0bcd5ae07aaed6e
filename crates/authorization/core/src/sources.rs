//! What a change gives and takes, as sources (bindings, entries of roles, grants), and whether the actor may give or take
//! each of them: bindings where it may assign their role, entries and grants where it holds what they give.

use std::collections::BTreeSet;

use bailiwick_policy::{
    Claim, HeldPermissions, PermissionBits, PlaceId, Product, Reason, Role, Target, claims_of, decide,
    manifest::{EntryDecl, RoleLevelDecl},
    permissions_held,
};
use bailiwick_types::{Level, Scope};

use crate::{
    Aim, On, Standing, StoreError,
    binding::Binding,
    grant::{About, AppliesTo, Filter, Grant, giving},
    resource::{Name, Resource},
};
use crate::{
    Work,
    preview::{MOST, with_all_below},
};

/// Whether the actor could assign, and so revoke, the role of every one of the bindings where it is bound.
pub(crate) fn may_assign_all(work: &Work, bindings: &[Binding]) -> bool {
    bindings.iter().all(|binding| {
        let role = work.situation.role_at(&binding.role, binding.scope.level());
        // A role that the manifest no longer has gives nothing.
        role.is_none_or(|role| {
            work.situation.state(&binding.scope).is_none()
                || work
                    .situation
                    .may_assign(&work.actor, role.no, &binding.scope, work.now)
        })
    })
}

/// Whether the actor holds these entries at every one of these levels, and so may add them to a role.
pub(crate) fn may_add_entries(work: &Work, levels: &[Level], entries: &[EntryDecl]) -> bool {
    let decl = RoleLevelDecl {
        permissions: entries.to_vec(),
        assigns: Vec::new(),
    };
    levels.iter().all(|level| {
        claims_of(work.situation.policy.product(), *level, &decl)
            .is_ok_and(|claims| claims.iter().all(|claim| holds_in_account(work, claim)))
    })
}

/// Whether the actor may take these permissions and patterns from a role at every one of these levels: it holds what would
/// be taken, past the approval rules that the role is excused from. The operator takes anything.
pub(crate) fn may_remove_entries(work: &Work, role: &Role, levels: &[Level], patterns: &[String]) -> bool {
    let product = work.situation.policy.product();
    let holds = |(level, text): (&Level, &String)| {
        product.pattern(text).is_some_and(|pattern| {
            let taken = product.matched(pattern, *level);
            let excused = role.level(*level).is_some_and(|at| {
                at.entries().iter().any(|entry| {
                    (entry.waives() || entry.own_rule().is_some()) && entry.bits.intersects(&taken)
                })
            });
            let claim = Claim {
                waived: excused,
                ..Claim::pattern(pattern, *level)
            };
            holds_in_account(work, &claim)
        })
    };
    let mut all = levels
        .iter()
        .flat_map(|level| patterns.iter().map(move |text| (level, text)));
    work.actor.is_operator() || all.all(holds)
}

fn holds_in_account(work: &Work, claim: &Claim) -> bool {
    let target = Target::Scope(PlaceId::from(work.account()));
    work.situation.may_give(&work.actor, claim, target, work.now)
}

/// Whether the actor may put a resource below another parent: it may edit the parent, and holds, on the resource and on
/// each below it, what is granted on the parent and those above the parent.
pub(crate) async fn may_reparent(
    work: &mut Work,
    resource: &Resource,
    parent: &Name,
) -> Result<bool, StoreError> {
    let child = load(work, &resource.name).await?;
    let above = load(work, parent).await?;
    let mut scopes: BTreeSet<Scope> = above.scope.iter().chain([&resource.scope]).cloned().collect();
    work.look_at(&scopes).await?;
    let own = own_standing(work).await?;
    if !allows_on(work, &own, &above, &format!("{}.edit", parent.of)) {
        return Ok(false);
    }
    let product = work.situation.policy.product();
    let old = child.names(product);
    let mut grants = Vec::new();
    for name in above
        .names(product)
        .into_iter()
        .filter(|name| !old.contains(name))
    {
        let filter = Filter {
            resource: Some(name),
            ..Filter::default()
        };
        grants.extend(unexpired(work, &filter).await?);
    }
    let is_own = |grant: &Grant| own.sets.iter().any(|set| *set.subject() == grant.subject);
    let gives_nothing_new = if work.actor.is_operator() {
        !grants.iter().any(is_own)
    } else {
        let holds = |no| holds_in_account(work, &Claim::permission(no));
        granted(product, &grants).iter().all(holds)
    };
    // What is below has to be looked at only where holding depends on it.
    if gives_nothing_new {
        return Ok(true);
    }
    let names = with_all_below(work, &resource.name).await?;
    if names.len() > MOST {
        return Ok(false);
    }
    let mut shifts = Vec::new();
    for name in names {
        let before = load(work, &name).await?;
        scopes.extend(before.scope.clone());
        let after = before.reparented(&child, &above);
        shifts.push((before, after));
    }
    work.look_at(&scopes).await?;
    Ok(may_shift(work, &own, &shifts, &grants))
}

/// Whether the actor may move resources from one scope to another, as far as what is granted around the target is
/// concerned: it holds that on each of them, and has no more on any of them afterwards.
pub(crate) async fn may_relocate(
    work: &Work,
    own: &Standing,
    aims: Vec<Aim>,
    (from, to): (&Scope, &Scope),
) -> Result<bool, StoreError> {
    let revision = work.unit.next_revision(&work.root())?;
    let from = work.situation.path(from);
    let mut grants = Vec::new();
    for scope in work.situation.path(to) {
        let filter = Filter {
            scope: Some(scope.clone()),
            ..Filter::default()
        };
        let mut around = unexpired(work, &filter).await?;
        // Of what is granted around both scopes, only that on future resources comes to reach what moves: it counts as
        // registered at the move.
        around.retain(|grant| !from.contains(&scope) || is_on_future(grant));
        grants.append(&mut around);
    }
    let shifts: Vec<(Aim, Aim)> = aims
        .into_iter()
        .map(|before| {
            let after = before.moved(to, revision);
            (before, after)
        })
        .collect();
    Ok(may_shift(work, own, &shifts, &grants))
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

/// Whether the actor has a permission on a target. What is not there may be learnt by who has the permission in the
/// whole account.
pub(crate) fn allows_on(work: &Work, own: &Standing, aim: &Aim, permission: &str) -> bool {
    if work.actor.is_operator() {
        return true;
    }
    if aim.scope.is_none() {
        let account = Scope::Account(work.account());
        return work.situation.allows(&work.actor, permission, &account, work.now);
    }
    let permission = work.situation.policy.product().permission_no(permission);
    permission.is_some_and(|permission| ask(work, own, aim, |input| decide(input, permission).is_allow()))
}

/// What the actor has in the account with all its grants, an operator as the user that it is.
pub(crate) async fn own_standing(work: &Work) -> Result<Standing, StoreError> {
    work.situation
        .whole_standing(&*work.unit, &work.actor.subject)
        .await
}

/// Resolves a resource with those above it.
pub(crate) async fn load(work: &Work, name: &Name) -> Result<Aim, StoreError> {
    Aim::load(&*work.unit, &work.situation.policy, On::Resource(name.clone())).await
}

/// Whether the actor may have resources reached by other grants than before. The operator gives anything, but nothing to
/// itself.
fn may_shift(work: &Work, own: &Standing, shifts: &[(Aim, Aim)], grants: &[Grant]) -> bool {
    shifts.iter().all(|(before, after)| {
        let (old, new) = (Reach::of(work, before), Reach::of(work, after));
        let gained = grants.iter().filter(|grant| new.has(grant) && !old.has(grant));
        let held = |aim: &Aim| ask(work, own, aim, permissions_held);
        (work.actor.is_operator() || holds_granted(work, own, before, gained))
            && !grows(&held(before), &held(after))
    })
}

/// Whether the actor has on the resource everything that the grants give there. Conditions are evaluated; what was approved
/// is not held.
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
    granted(product, grants)
        .iter()
        .filter(|no| of.is_some_and(|of| product.may_be_asked_on(*no, of)))
        .all(|no| {
            let decision = ask(work, own, aim, |input| decide(input, no));
            decision.is_allow() && decision.reason != Reason::Approved
        })
}

/// The permissions that grants give, with those that they imply.
fn granted<'g>(product: &Product, grants: impl IntoIterator<Item = &'g Grant>) -> PermissionBits {
    let mut all = PermissionBits::default();
    for text in grants.into_iter().flat_map(|grant| &grant.permissions) {
        let given = product.pattern(text);
        let given = given.map(|pattern| product.matched(pattern, Level::Account));
        for info in given
            .iter()
            .flat_map(PermissionBits::iter)
            .filter_map(|no| product.permission(no))
        {
            all.insert(info.no);
            all.union(&info.implies);
        }
    }
    all
}

/// Whether a check on the resource would allow more than before, at once, after an approval or with more from the request.
fn grows(before: &HeldPermissions, after: &HeldPermissions) -> bool {
    // From the strongest way to the weakest, each with those before it.
    let ways = |all: &HeldPermissions| {
        let mut needs_approval = all.allowed.clone();
        needs_approval.union(&all.needs_approval);
        let mut any = needs_approval.clone();
        any.union(&all.undecided);
        [all.allowed.clone(), needs_approval, any]
    };
    let (before, after) = (ways(before), ways(after));
    !after
        .iter()
        .zip(&before)
        .all(|(after, before)| after.is_subset(before))
}

/// What decides which grants reach a resource.
struct Reach {
    /// It and those above it.
    names: Vec<Name>,
    /// The scopes around it.
    path: Vec<Scope>,
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
            About::Type {
                of,
                scope,
                applies_to,
            } => {
                let in_time = match applies_to {
                    AppliesTo::All => true,
                    AppliesTo::Existing => self.registered <= grant.revision,
                    AppliesTo::Future => self.registered > grant.revision,
                };
                let is_of_type = self.names.first().is_some_and(|name| name.of == *of);
                in_time && is_of_type && self.path.contains(scope)
            }
        }
    }
}

async fn unexpired(work: &Work, filter: &Filter) -> Result<Vec<Grant>, StoreError> {
    let mut grants = giving::all(work, filter).await?;
    grants.retain(|grant| grant.expires_at.is_none_or(|at| at > work.now));
    Ok(grants)
}

fn ask<T>(
    work: &Work,
    own: &Standing,
    aim: &Aim,
    run: impl FnOnce(&bailiwick_policy::DecisionInput<'_>) -> T,
) -> T {
    let request = work.situation.plain_request();
    aim.target(|target| {
        work.situation
            .ask_about(&work.actor.subject, own, target, request, work.now, run)
    })
}
