//! No caller gives itself more than it holds, whichever way it takes. The driver asks this once for each
//! change, after it was applied and before it is committed.
//!
//! A gift to a service account of the giver, to the maker of a giver that is a service account, or to a
//! group that one of these is in, is a gift to the giver itself. What is given must be held for as long as
//! it lasts.

use std::collections::BTreeSet;

use bailiwick_policy::{AccountPolicy, Role, manifest::MemberKind, permissions_held};
use bailiwick_types::GroupId;

use crate::prelude::*;
use crate::{
    Actor, Aim, On, Read,
    binding::Binding,
    grant::{
        Filter, Grant,
        giving::{self, aim},
    },
    invitation::{Invitation, State},
    member::Member,
    person::{LONGEST, behind},
    preview::holders_of,
    recorder::Source,
    resource::{Resource, grows},
};

/// Refuses a change by which its giver would get something that it does not hold.
pub(crate) async fn check(work: &mut Work) -> Result<(), Error> {
    let added = work.unit.take_added();
    if added.is_empty() {
        return Ok(());
    }
    let giver = match work.giver.take() {
        Some(giver) => giver,
        None => work.actor.clone(),
    };
    for source in added {
        if !is_held(work, &giver, source).await? {
            return Err(Refused::Denied.into());
        }
    }
    Ok(())
}

async fn is_held(work: &mut Work, giver: &Actor, source: Source) -> Result<bool, StoreError> {
    match source {
        Source::Binding { before, after } => {
            let continues = before.iter().any(|before| is_within(&after, before));
            Ok(continues
                || !is_own(work, giver, &after.subject).await?
                || holds_binding(work, giver, &after, &after.subject).await?)
        }
        Source::Grant(grant) => Ok(!is_own(work, giver, &grant.subject).await?
            || holds_grant(work, giver, &grant, &grant.subject).await?),
        Source::InGroup { group, member } => {
            Ok(!is_own(work, giver, &member).await? || holds_group(work, giver, group, &member).await?)
        }
        Source::Member { before, after } => {
            let changes = before.filter(|before| before.kind != after.kind);
            if let Some(before) = changes
                && !may_change_kind(work, giver, before.kind, after.kind).await?
            {
                return Ok(false);
            }
            holds_membership(work, giver, before, &after).await
        }
        Source::Invitation(invitation) => holds_invitation(work, giver, &invitation).await,
        Source::Resource(changed) => Ok(!opens(work, giver, &changed.0, &changed.1).await?),
    }
}

/// Whether a binding gives nothing that the one which it replaces does not.
fn is_within(after: &Binding, before: &Binding) -> bool {
    let lasts = |at: Option<Timestamp>| at.unwrap_or(Timestamp(i64::MAX));
    after.parameters == before.parameters && lasts(after.expires_at) <= lasts(before.expires_at)
}

/// Whether the giver gives to itself. Where nobody can say who stands behind a service account, it counts as
/// the giver's own.
async fn is_own(work: &Work, giver: &Actor, to: &Subject) -> Result<bool, StoreError> {
    if *to == giver.subject {
        return Ok(true);
    }
    let read = &*work.unit;
    if giver.is_operator() {
        // Operators provision the services of products: a service account of theirs is no second self.
        return Ok(to.kind() == "group" && holders_of(read, &giver.subject).await?.contains(to));
    }
    let stands = behind(read, &giver.subject).await?;
    if to.kind() != "group" {
        let same = match (stands, behind(read, to).await?) {
            (Some(giver), Some(to)) => giver == to,
            _ => true,
        };
        return Ok(same);
    }
    for own in own_subjects(read, &giver.subject).await? {
        if holders_of(read, &own).await?.contains(to) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The subject, who stands behind it, and all service accounts of the making of these.
pub(crate) async fn own_subjects(
    read: &(impl Read + ?Sized),
    subject: &Subject,
) -> Result<BTreeSet<Subject>, StoreError> {
    let mut own = BTreeSet::from([subject.clone()]);
    own.extend(behind(read, subject).await?);
    let mut makers: Vec<Subject> = own.iter().cloned().collect();
    for _ in 0..LONGEST {
        let made = read.service_accounts_of(&makers).await?;
        let made = made.into_iter().map(Subject::service);
        makers = made.filter(|made| own.insert(made.clone())).collect();
        if makers.is_empty() {
            break;
        }
    }
    Ok(own)
}

/// The last instant at which something that ends at `end` counts for a subject. What the giver has by a
/// membership that ends counts no longer for itself either.
fn last(work: &Work, giver: &Actor, to: &Subject, end: Option<Timestamp>) -> Timestamp {
    let own = giver.standing.iter().filter_map(|standing| standing.sets.first());
    let member = own.filter(|set| set.subject() == to).find_map(|set| set.member());
    let ends = member.and_then(|member| member.expires_at);
    let first = end.into_iter().chain(ends).min();
    first.map_or(Timestamp(i64::MAX), |end| Timestamp(end.0 - 1).max(work.now))
}

async fn holds_binding(
    work: &mut Work,
    giver: &Actor,
    binding: &Binding,
    to: &Subject,
) -> Result<bool, StoreError> {
    work.look_at([&binding.scope]).await?;
    let role = work.situation.role_at(&binding.role, binding.scope.level());
    let at = last(work, giver, to, binding.expires_at);
    Ok(role.is_none_or(|role| holds_role(work, giver, role, &binding.scope, at)))
}

fn holds_role(work: &Work, giver: &Actor, role: &Role, scope: &Scope, at: Timestamp) -> bool {
    work.situation.state(scope).is_none() || work.situation.may_assign_itself(giver, role, scope, at)
}

async fn holds_grant(
    work: &mut Work,
    giver: &Actor,
    grant: &Grant,
    to: &Subject,
) -> Result<bool, StoreError> {
    let aim = aim(work, &grant.about).await?;
    let patterns = grant.patterns(work.situation.policy.product());
    let at = last(work, giver, to, grant.expires_at);
    let giver = giving::giver(work, giver, &aim).await?;
    Ok(giving::holds_all(work, &giver, &aim, &patterns, at))
}

/// Whether the giver holds everything that the group and the groups above it have.
async fn holds_group(
    work: &mut Work,
    giver: &Actor,
    group: GroupId,
    to: &Subject,
) -> Result<bool, StoreError> {
    let counts = |end: Option<Timestamp>, now: Timestamp| end.is_none_or(|at| at > now);
    for holder in holders_of(&*work.unit, &Subject::group(group)).await? {
        for binding in work.unit.bindings_of(&holder).await? {
            if counts(binding.expires_at, work.now) && !holds_binding(work, giver, &binding, to).await? {
                return Ok(false);
            }
        }
        for grant in giving::all(&*work.unit, &Filter::of(&holder)).await? {
            if counts(grant.expires_at, work.now) && !holds_grant(work, giver, &grant, to).await? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A membership gives the default role of its kind, and lets everything else count.
async fn holds_membership(
    work: &mut Work,
    giver: &Actor,
    before: Option<Member>,
    after: &Member,
) -> Result<bool, StoreError> {
    let lasts = |end: Option<Timestamp>| end.unwrap_or(Timestamp(i64::MAX));
    let continues = before.is_some_and(|before| {
        before.kind == after.kind
            && before.state == after.state
            && lasts(after.expires_at) <= lasts(before.expires_at)
    });
    let user = Subject::user(after.user);
    if continues || !is_own(work, giver, &user).await? {
        return Ok(true);
    }
    let account = work.account_scope();
    work.look_at([&account]).await?;
    let policy = &work.situation.policy;
    let role = default_role(policy, after.kind);
    let at = last(work, giver, &user, after.expires_at);
    Ok(role.is_none_or(|role| holds_role(work, giver, role, &account, at)))
}

/// Another kind is taking the default role of the one and giving that of the other.
async fn may_change_kind(
    work: &mut Work,
    giver: &Actor,
    from: MemberKind,
    to: MemberKind,
) -> Result<bool, StoreError> {
    let account = work.account_scope();
    work.look_at([&account]).await?;
    let (situation, now) = (&work.situation, work.now);
    Ok([from, to].into_iter().all(|kind| {
        let role = default_role(&situation.policy, kind);
        role.is_none_or(|role| situation.may_assign(giver, role.no, &account, now))
    }))
}

fn default_role(policy: &AccountPolicy, kind: MemberKind) -> Option<&Role> {
    policy.product().default_role(kind).and_then(|no| policy.role(no))
}

/// An invitation gives to whoever has the address. Only its maker gives by it.
async fn holds_invitation(
    work: &mut Work,
    giver: &Actor,
    invitation: &Invitation,
) -> Result<bool, StoreError> {
    if invitation.state != State::Pending || invitation.creator != giver.subject {
        return Ok(true);
    }
    let stands = behind(&*work.unit, &giver.subject).await?;
    let user = stands.as_ref().and_then(Subject::user_id);
    let person = match user {
        Some(user) => work.unit.person(user).await?,
        None => None,
    };
    // An address that is not known may be the invited one. Operators have one before they can call.
    let is_invited = match person.and_then(|person| person.email_key()) {
        Some(key) => key == invitation.email.key(),
        None => !giver.is_operator(),
    };
    if !is_invited {
        return Ok(true);
    }
    work.look_at([&invitation.scope]).await?;
    let to = user.map_or_else(|| giver.subject.clone(), Subject::user);
    let at = last(work, giver, &to, None);
    let role = |name: &String| work.situation.role_at(name, invitation.scope.level());
    let mut roles = invitation.roles.iter().filter_map(role);
    Ok(roles.all(|role| holds_role(work, giver, role, &invitation.scope, at)))
}

/// Whether other attributes or another owner let the giver do more with a resource than before. What another
/// parent or scope opens is asked where it is set.
async fn opens(
    work: &mut Work,
    giver: &Actor,
    before: &Resource,
    after: &Resource,
) -> Result<bool, StoreError> {
    let policy = &work.situation.policy;
    let changed = |(name, value): (&String, &serde_json::Value)| {
        after.attributes.get(name) != Some(value) && policy.reads_attribute(name)
    };
    let added = |name: &String| !before.attributes.contains_key(name) && policy.reads_attribute(name);
    let is_looked_at = before.owner != after.owner
        || before.attributes.iter().any(changed)
        || after.attributes.keys().any(added);
    if !is_looked_at {
        return Ok(false);
    }
    let on = On::Resource(after.name.clone());
    let now = Aim::load(&*work.unit, &work.situation.policy, on).await?;
    let then = now.redescribed(before, work.situation.policy.product());
    work.look_at([&after.scope]).await?;
    let own: Vec<Subject> = own_subjects(&*work.unit, &giver.subject)
        .await?
        .into_iter()
        .collect();
    let standings = work.situation.whole_standings(&*work.unit, &own).await?;
    let (situation, request) = (&work.situation, work.situation.plain_request());
    let held = |aim: &Aim, subject: &Subject, standing| {
        aim.target(|target| {
            situation.ask_about(subject, standing, target, request, work.now, permissions_held)
        })
    };
    let mut pairs = own.iter().zip(&standings);
    Ok(pairs
        .any(|(subject, standing)| grows(&held(&then, subject, standing), &held(&now, subject, standing))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Map;

    use super::*;
    use crate::{
        binding::assign::Assign,
        grant::{About, create::Create as Grants},
        group::add_member::AddMember,
        invitation::create::Create as Invites,
        memory::{STUDIO, World, account, name, subject, workspace},
        resource::{transfer::Transfer, update::Update},
    };

    fn assign(to: &Subject, role: &str) -> Assign {
        Assign {
            subject: to.clone(),
            role: role.to_owned(),
            scope: account(),
            parameters: Map::new(),
            expires_at: None,
            key: None,
            replace: false,
        }
    }

    fn invites(n: u128) -> Invites {
        Invites {
            email: format!("USER{n}@example.com").parse().unwrap(),
            kind: MemberKind::Agent,
            roles: vec!["viewer".to_owned()],
            scope: account(),
            request_id: None,
        }
    }

    fn is_denied<T>(result: Result<T, Error>) -> bool {
        matches!(result, Err(Error::Refused(Refused::Denied)))
    }

    /// User 1 is a manager: it assigns viewers and does not hold what they have.
    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(3, "").await;
        world
    }

    #[tokio::test]
    async fn a_role_that_gives_more_than_the_caller_holds_is_not_self_assigned() {
        let world = world().await;
        assert!(is_denied(world.run(1, assign(&subject(1), "viewer")).await));
        assert!(is_denied(world.preview(1, assign(&subject(1), "viewer")).await));
        world.run(1, assign(&subject(3), "viewer")).await.unwrap();
        // Once somebody else gave it, it is held.
        world.bind(&subject(1), "viewer", &account()).await;
        world.run(1, assign(&subject(1), "viewer")).await.unwrap();
    }

    #[tokio::test]
    async fn service_accounts_and_their_makers_are_one() {
        let world = world().await;
        let own = world.service(1, "manager").await;
        let other = world.service(3, "").await;
        assert!(is_denied(world.run(1, assign(&own, "viewer")).await));
        assert!(is_denied(world.run_as(&own, assign(&subject(1), "viewer")).await));
        assert!(is_denied(world.run_as(&own, assign(&own, "viewer")).await));
        let unknown = "service:svc_00000000000000000000000001".parse().unwrap();
        assert!(is_denied(world.run(1, assign(&unknown, "viewer")).await));
        world.run(1, assign(&other, "viewer")).await.unwrap();
    }

    #[tokio::test]
    async fn groups_that_the_giver_or_a_service_account_of_it_is_in_are_the_giver() {
        let world = world().await;
        let own = world.service(1, "manager").await;
        let inner = world.group(std::slice::from_ref(&own)).await;
        let outer = Subject::group(world.group(&[Subject::group(inner)]).await);
        for by_hand in [Subject::group(inner), outer] {
            assert!(is_denied(world.run(1, assign(&by_hand, "viewer")).await));
        }
        let others = world.group(&[subject(3)]).await;
        world
            .run(1, assign(&Subject::group(others), "viewer"))
            .await
            .unwrap();
        for member in [subject(1), own, Subject::group(inner)] {
            let add = AddMember {
                group: others,
                member,
            };
            assert!(is_denied(world.run(1, add).await));
        }
        world.member(4, "").await;
        let add = AddMember {
            group: others,
            member: subject(4),
        };
        world.run(1, add).await.unwrap();
    }

    #[tokio::test]
    async fn nobody_invites_its_own_address_to_what_it_does_not_hold() {
        let world = world().await;
        assert!(is_denied(world.run(1, invites(1)).await));
        world.run(1, invites(2)).await.unwrap();
        world.bind(&subject(1), "viewer", &account()).await;
        world.run(1, invites(1)).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_held_for_a_time_is_not_given_to_oneself_for_longer() {
        let world = world().await;
        let mut viewer = world.bind(&subject(1), "viewer", &account()).await;
        let end = world.now().plus(Duration::from_mins(1));
        viewer.expires_at = Some(end);
        world
            .put(async |write| crate::binding::Writer::put_binding(write, &viewer).await)
            .await;
        let there = |expires_at| Assign {
            scope: workspace(),
            expires_at,
            ..assign(&subject(1), "viewer")
        };
        assert!(is_denied(world.run(1, there(None)).await));
        let after = Some(end.plus(Duration::from_secs(1)));
        assert!(is_denied(world.run(1, there(after)).await));
        world.run(1, there(Some(end))).await.unwrap();
        let grant = |expires_at| Grants {
            subject: subject(1),
            permissions: vec!["folder.view".to_owned()],
            about: About::Scope(account()),
            parameters: Map::new(),
            expires_at,
            request_id: None,
        };
        assert!(is_denied(world.run(1, grant(None)).await));
        world.run(1, grant(Some(end))).await.unwrap();
    }

    #[tokio::test]
    async fn a_manifest_may_let_the_holders_of_a_role_give_themselves_another() {
        let world = world().await;
        world.use_manifest(&STUDIO.replace("[viewer]", "[{role: viewer, self: true}]"));
        world.run(1, assign(&subject(1), "viewer")).await.unwrap();
        assert!(is_denied(world.run(1, assign(&subject(1), "editor")).await));
    }

    #[tokio::test]
    async fn the_operator_gives_itself_nothing_but_provisions_service_accounts() {
        let world = world().await;
        world.member(999, "").await;
        assert!(is_denied(world.operate(assign(&subject(999), "admin")).await));
        world.operate(assign(&subject(3), "admin")).await.unwrap();
        let provisioned = world.service(999, "").await;
        world.operate(assign(&provisioned, "viewer")).await.unwrap();
    }

    #[tokio::test]
    async fn another_owner_or_attribute_opens_nothing_to_whoever_sets_it() {
        let world = World::new().await;
        world.use_manifest(
            &STUDIO
                .replace(
                    "{secret: {type: bool}}",
                    "{secret: {type: bool}, writer: {type: subject}}",
                )
                .replace(
                    "  printer:",
                    "  writer:
    levels:
      account:
        permissions:
          - page.edit
          - resource.transfer
          - {permission: page.publish, when: resource.attr.writer == subject.id}
          - {permission: page.delete, when: resource.owner == subject.id}
  printer:",
                ),
        );
        world.member(1, "writer").await;
        world.member(3, "writer").await;
        world.resource("page:a", &account(), None).await;
        let write = |n: u128| Update {
            name: name("page:a"),
            title: None,
            parent: None,
            attributes: [("writer".to_owned(), subject(n).to_string().into())]
                .into_iter()
                .collect(),
        };
        assert!(is_denied(world.run(1, write(1)).await));
        world.run(1, write(3)).await.unwrap();
        let own = |to: u128| Transfer {
            name: name("page:a"),
            to: subject(to),
        };
        assert!(is_denied(world.run(1, own(1)).await));
        world.run(1, own(3)).await.unwrap();
        // What no condition reads opens nothing.
        let secret = Update {
            attributes: [("secret".to_owned(), true.into())].into_iter().collect(),
            ..write(1)
        };
        world.run(1, secret).await.unwrap();
    }
}
