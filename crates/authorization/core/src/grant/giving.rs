//! The right to give permissions, and what operations on grants share.

use bailiwick_policy::{Claim, Pattern, PlaceId, Target};
use bailiwick_types::Level;

use crate::prelude::*;
use crate::{
    Actor, Aim, On, Read,
    grant::{About, Filter, Grant},
};

/// Grants that [`all`] reads at once.
const PAGE: u64 = 1_000;

/// Resolves the scope or resource of a grant, with the places around it.
pub(crate) async fn aim(work: &mut Work, about: &About) -> Result<Aim, StoreError> {
    let on = match about {
        About::Resource(name) => On::Resource(name.clone()),
        About::Scope(scope) | About::Type { scope, .. } => On::Scope(scope.clone()),
    };
    let aim = Aim::load(&*work.unit, &work.situation.policy, on).await?;
    work.look_at(&aim.scope).await?;
    Ok(aim)
}

/// The giver with everything that counts on a target: on a resource, its grants on that and on what is
/// above it too.
pub(crate) async fn giver(work: &Work, giver: &Actor, aim: &Aim) -> Result<Actor, StoreError> {
    let subject = giver.subject.clone();
    let standing = match (&giver.standing, &aim.on) {
        (None, _) => None,
        (Some(standing), On::Scope(_)) => Some(standing.clone()),
        (Some(_), On::Resource(_)) => Some(work.situation.whole_standing(&*work.unit, &subject).await?),
    };
    let key = giver.key.clone();
    Ok(Actor {
        subject,
        standing,
        key,
    })
}

/// Whether the actor has `grant.edit` there and holds all of the permissions.
pub(crate) fn may_give(work: &Work, actor: &Actor, aim: &Aim, patterns: &[Pattern]) -> bool {
    let account = work.account_scope();
    let scope = aim.scope.as_ref().unwrap_or(&account);
    work.situation.allows(actor, "grant.edit", scope, work.now)
        && holds_all(work, actor, aim, patterns, work.now)
}

/// Whether the actor holds all of the permissions there at that instant.
pub(crate) fn holds_all(work: &Work, actor: &Actor, aim: &Aim, patterns: &[Pattern], at: Timestamp) -> bool {
    // Only callers that could give it in the whole account may learn that a resource does not exist.
    let account = work.account_scope();
    let scope = aim.scope.as_ref().unwrap_or(&account);
    let level = aim.level().unwrap_or(Level::Account);
    let may = |claim: &Claim, target: Target<'_>| work.situation.may_give(actor, claim, target, at);
    let holds = |pattern: &Pattern| {
        let claim = Claim::pattern(*pattern, level);
        aim.target(|target| may(&claim, target)) || may(&claim, Target::Scope(PlaceId::from(scope)))
    };
    patterns.iter().all(holds)
}

/// Reads all grants that a filter has.
pub(crate) async fn all(read: &(impl Read + ?Sized), filter: &Filter) -> Result<Vec<Grant>, StoreError> {
    up_to(read, filter, usize::MAX).await
}

/// Reads the grants that a filter has, and stops once there are that many.
pub(crate) async fn up_to(
    read: &(impl Read + ?Sized),
    filter: &Filter,
    enough: usize,
) -> Result<Vec<Grant>, StoreError> {
    let mut all: Vec<Grant> = Vec::new();
    loop {
        let after = all.last().map(|last| last.id.uuid());
        let page = read.grants(filter, after, PAGE).await?;
        let is_last = (page.len() as u64) < PAGE;
        all.extend(page);
        if is_last || all.len() >= enough {
            return Ok(all);
        }
    }
}

/// The grants of a subject on exactly this target.
pub(crate) async fn of_subject(
    work: &Work,
    subject: &Subject,
    about: &About,
) -> Result<Vec<Grant>, StoreError> {
    let mut filter = Filter::of(subject);
    match about {
        About::Resource(name) => filter.resource = Some(name.clone()),
        About::Scope(scope) | About::Type { scope, .. } => filter.scope = Some(scope.clone()),
    }
    let mut grants = all(&*work.unit, &filter).await?;
    grants.retain(|grant| grant.about == *about);
    Ok(grants)
}

/// Writes a grant and reports it.
pub(crate) async fn put(work: &mut Work, grant: &Grant, target: String) -> Result<(), StoreError> {
    work.unit.put_grant(grant).await?;
    changed(work, &grant.subject, &grant.permissions, target);
    Ok(())
}

/// Writes a grant of something that its subject has by another grant already, and reports it.
pub(crate) async fn rewrite(work: &mut Work, grant: &Grant, target: String) -> Result<(), StoreError> {
    work.unit.rewrite_grant(grant).await?;
    changed(work, &grant.subject, &grant.permissions, target);
    Ok(())
}

/// Reports that permissions of a subject on a target were granted or taken away.
pub(super) fn changed(work: &mut Work, subject: &Subject, permissions: &[String], target: String) {
    work.subject_changed(subject);
    let entry = work.entry(target).with("subject", subject);
    work.emit(entry.with("permissions", permissions.join(",")));
}
