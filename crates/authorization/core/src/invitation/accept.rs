//! Accepts an invitation to the caller's verified e-mail address.

use bailiwick_policy::manifest::{Holders, MemberKind};
use bailiwick_types::{Email, InvitationId, ScopeRoot, method::authorization::AcceptInvitation};

use super::{Invitation, State, ensure_allowed, entry, put};
use crate::prelude::*;
use crate::{
    Actor,
    binding::Binding,
    member::Member,
    person::{OPERATOR, PersonState},
};

/// Which invitation is accepted.
#[derive(Debug, Clone)]
pub enum Which {
    /// The one with this id.
    Id(InvitationId),
    /// The one to the caller's address on this scope.
    On(Scope),
}

/// What is asked. Membership and bindings come in one transaction.
#[derive(Debug, Clone)]
pub struct Accept {
    /// Which invitation.
    pub which: Which,
    /// The address that it was sent to, where the request names it.
    pub email: Option<Email>,
}

#[async_trait]
impl Operation for Accept {
    type Method = AcceptInvitation;
    type Output = Invitation;
    /// The user, and the invitation to its address.
    type Plan = (UserId, Invitation);

    async fn permit(&self, work: &mut Work) -> Result<Self::Plan, Error> {
        let user = work.actor.subject.user_id().ok_or(Refused::Denied)?;
        let person = work.unit.person(user).await?.ok_or(Refused::Denied)?;
        let key = person.email_key().ok_or(Refused::Denied)?;
        let is_own = |email: &Email| email.key() == key;
        if person.state != PersonState::Active
            || !person.email_verified
            || !self.email.as_ref().is_none_or(is_own)
        {
            return Err(Refused::Denied.into());
        }
        let found = match &self.which {
            Which::Id(id) => work.unit.invitation(*id).await?,
            Which::On(scope) => work.unit.newest_invitation(&key, scope).await?,
        };
        let found = found.filter(|found| is_own(&found.email));
        Ok((user, found.ok_or(Refused::Denied)?))
    }

    async fn apply(self, (user, mut found): Self::Plan, work: &mut Work) -> Result<Invitation, Error> {
        found.ensure_pending(work.now)?;
        work.look_at([&found.scope]).await?;
        match work.situation.state(&found.scope) {
            Some(state) if state.is_open() => {}
            Some(_) => {
                let scope = found.scope;
                return Err(Precondition::NotActive { scope }.into());
            }
            None => return Err(Error::Precondition(Precondition::ScopeDeleted)),
        }
        let Some(inviter) = inviter(work, &found).await? else {
            return Err(Error::Precondition(Precondition::InviterMayNot));
        };
        work.giver = Some(inviter);
        ensure_allowed(work, &found.email)?;
        join(work, user, found.kind).await?;
        bind(work, &found, user).await?;
        found.end(State::Accepted);
        work.subject_changed(&Subject::user(user));
        put(work, &found).await?;
        work.emit(entry(work, &found).with("roles", found.roles.join(",")));
        Ok(found)
    }
}

/// The inviter, whose rights are checked again: an invitation does not give what its inviter has lost since.
async fn inviter(work: &Work, found: &Invitation) -> Result<Option<Actor>, StoreError> {
    let creator = &found.creator;
    if let Some(id) = creator.service_id() {
        let service = work.unit.service_account(id).await?;
        if service.is_some_and(|service| !service.enabled) {
            return Ok(None);
        }
    }
    let operator = work
        .unit
        .has_root_binding(&ScopeRoot::Deployment, creator, OPERATOR)
        .await?;
    let standing = if operator {
        None
    } else {
        Some(work.situation.standing(&*work.unit, creator).await?)
    };
    let inviter = Actor {
        key: None,
        subject: creator.clone(),
        standing,
    };
    let (situation, scope, now) = (&work.situation, &found.scope, work.now);
    let gives = |name: &String| {
        let role = situation.role_at(name, scope.level());
        role.is_some_and(|role| {
            !matches!(role.holders, Some(Holders::Exactly(_)))
                && situation.policy.product().role_stands(name, found.generation)
                && situation.may_assign(&inviter, role.no, scope, now)
        })
    };
    let may = situation.allows(&inviter, "user.invite", scope, now) && found.roles.iter().all(gives);
    Ok(may.then_some(inviter))
}

/// Makes the user a member of the kind. A customer becomes an agent; an agent stays one.
async fn join(work: &mut Work, user: UserId, kind: MemberKind) -> Result<(), Error> {
    let member = match work.unit.member(user).await? {
        Some(member) if !member.is_active(work.now) => {
            return Err(Precondition::NotAMember { user }.into());
        }
        Some(member) if member.kind == kind || member.kind == MemberKind::Agent => return Ok(()),
        Some(member) => Member { kind, ..member },
        None => Member::new(work.account(), user, kind, work.now),
    };
    work.ensure_seat(kind).await?;
    Ok(work.unit.put_member(&member).await?)
}

async fn bind(work: &mut Work, found: &Invitation, user: UserId) -> Result<(), StoreError> {
    let subject = Subject::user(user);
    for role in &found.roles {
        let mut live = Vec::new();
        for binding in work.unit.bindings_on(&subject, role, &found.scope).await? {
            if binding.is_over(work.now) {
                work.unit.remove_binding(&binding).await?;
            } else {
                live.push(binding);
            }
        }
        // What gives as much stays, and nothing is taken: what ends or is limited stands beside the new one.
        if live
            .iter()
            .any(|binding| binding.expires_at.is_none() && binding.parameters.is_empty())
        {
            continue;
        }
        let key = if live.iter().any(|binding| binding.key.is_empty()) {
            found.id.to_string()
        } else {
            String::new()
        };
        let binding = Binding {
            creator: Some(found.creator.clone()),
            key,
            ..work.new_binding(subject.clone(), role.clone(), found.scope.clone())
        };
        work.unit.put_binding(Vec::new(), &binding).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::{MemberState, PlaceState};
    use bailiwick_testkit::witness;
    use bailiwick_types::{ServiceAccountId, Target};

    use super::*;
    use crate::{
        Change, draft,
        invitation::{
            LIFETIME, Reader as _, Writer as _,
            create::{Create, tests::invite},
        },
        memory::{World, account, account_id, subject, user, workspace},
        operation::{self, Done},
        person::{Person, ServiceAccount, Writer as _},
    };

    fn accept(invitation: &Invitation) -> Accept {
        Accept {
            which: Which::Id(invitation.id),
            email: None,
        }
    }

    /// User 1 is a manager who has invited user 2 as a viewer of the account.
    async fn world() -> (World, Invitation) {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.person(2).await;
        let made = world.run(1, invite(2, "viewer")).await.unwrap();
        (world, made)
    }

    async fn unpending(world: &World, accept: Accept) {
        let refused = world.run(2, accept).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::InvitationNotPending))
        ));
    }

    async fn inviter_may_not(world: &World, invitation: &Invitation) {
        let refused = world.run(2, accept(invitation)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::InviterMayNot))
        ));
    }

    #[tokio::test]
    async fn an_invitation_gives_membership_and_roles_once() {
        let (world, made) = world().await;
        let by_scope = Accept {
            which: Which::On(account()),
            email: Some("USER2@example.com".parse().unwrap()),
        };
        let before = world.told().len();
        let accepted = world.run(2, by_scope.clone()).await.unwrap();
        assert_eq!(
            (accepted.id, accepted.state, accepted.version),
            (made.id, State::Accepted, 2)
        );
        assert_eq!(world.roles(2, &account()).await, ["viewer"]);
        let member = crate::member::Reader::member(&*world.read(), user(2)).await;
        assert!(member.unwrap().unwrap().is_active(world.now()));
        let told = world.told().split_off(before);
        let [
            Change::Subject(who),
            Change::Invitation(new),
            Change::Audited(entry),
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        assert_eq!((who, new), (&subject(2), &accepted));
        assert_eq!(entry.details["roles"], "viewer");
        unpending(&world, by_scope).await;
        unpending(&world, accept(&made)).await;
    }

    #[tokio::test]
    async fn a_customer_who_accepts_as_an_agent_takes_a_seat() {
        let (world, made) = world().await;
        world.member(2, "").await;
        world
            .change_member(2, |member| member.kind = MemberKind::Customer)
            .await;
        world.change_account(|account| account.seats = 1).await;
        let refused = world.run(2, accept(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NoFreeSeat(1)))
        ));
        world.change_account(|account| account.seats = 2).await;
        world.run(2, accept(&made)).await.unwrap();
        assert_eq!(world.membership(2).await.unwrap().kind, MemberKind::Agent);
    }

    #[tokio::test]
    async fn whoever_accepts_becomes_a_member_of_the_kind_that_the_invitation_names() {
        let (world, _) = world().await;
        world.person(4).await;
        world.member(5, "").await;
        world.change_account(|account| account.seats = 2).await;
        for (n, kind) in [(4, MemberKind::Customer), (5, MemberKind::Agent)] {
            let customer = Create {
                kind: MemberKind::Customer,
                ..invite(n, "viewer")
            };
            let made = world.run(1, customer).await.unwrap();
            world.run(n, accept(&made)).await.unwrap();
            // An agent stays one.
            assert_eq!(world.membership(n).await.unwrap().kind, kind);
        }
    }

    #[tokio::test]
    async fn nothing_is_shortened_by_accepting() {
        let (world, made) = world().await;
        let mut trial = world.bind(&subject(2), "viewer", &account()).await;
        let end = world.now().plus(std::time::Duration::from_mins(1));
        trial.expires_at = Some(end);
        world
            .put(async |write| crate::binding::Writer::put_binding(write, &trial).await)
            .await;
        world.run(2, accept(&made)).await.unwrap();
        let read = world.read();
        let all = crate::binding::Reader::bindings_on(&*read, &subject(2), "viewer", &account()).await;
        let mut ends: Vec<_> = all
            .unwrap()
            .into_iter()
            .map(|binding| binding.expires_at)
            .collect();
        ends.sort();
        assert_eq!(ends, [None, Some(end)]);
    }

    #[tokio::test]
    async fn a_role_that_has_ended_is_given_again() {
        let (world, made) = world().await;
        let mut over = world.bind(&subject(2), "viewer", &account()).await;
        over.expires_at = Some(world.now());
        world
            .put(async |write| crate::binding::Writer::put_binding(write, &over).await)
            .await;
        world.run(2, accept(&made)).await.unwrap();
        let bound = crate::binding::Reader::bindings_of(&*world.read(), &subject(2))
            .await
            .unwrap();
        assert!(
            matches!(&bound[..], [binding] if binding.expires_at.is_none()),
            "{bound:?}"
        );
    }

    #[tokio::test]
    async fn accepting_needs_no_token_for_the_account() {
        let (world, made) = world().await;
        let session = bailiwick_types::SessionId::generate(&*world.ports.ids);
        let caller = witness::user(subject(2), None, session);
        let by = witness::authorized(&caller, &Target::none(), false);
        let refused = operation::run(&world.ports, &by, accept(&made)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let elsewhere = bailiwick_types::AccountId::generate(&*world.ports.ids);
        let refused = operation::run_in(&world.ports, &by, elsewhere, accept(&made)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let done = operation::run_in(&world.ports, &by, account_id(), accept(&made)).await;
        assert!(matches!(done, Ok(Done::Committed(..))));
    }

    #[tokio::test]
    async fn an_invitation_is_for_its_verified_address_alone() {
        let (world, made) = world().await;
        world.person(3).await;
        let for_another = Accept {
            email: Some("user3@example.com".parse().unwrap()),
            ..accept(&made)
        };
        for (by, accept) in [(3, accept(&made)), (2, for_another), (9, accept(&made))] {
            let refused = world.run(by, accept).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))), "{by}");
        }
        let here = Accept {
            which: Which::On(workspace()),
            email: None,
        };
        let refused = world.run(2, here).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let unverified = Person {
            email: "user2@example.com".parse().unwrap(),
            ..Person::unknown(user(2))
        };
        world
            .put(async |write: &mut draft::Draft| write.put_person(&unverified).await)
            .await;
        let refused = world.run(2, accept(&made)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn a_disabled_user_accepts_nothing() {
        let (world, made) = world().await;
        world.disable(2).await;
        let refused = world.run(2, accept(&made)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn an_expired_invitation_is_not_accepted() {
        let (world, made) = world().await;
        world.clock.advance(LIFETIME);
        unpending(&world, accept(&made)).await;
    }

    #[tokio::test]
    async fn the_scope_must_be_active() {
        let (world, _) = world().await;
        let to_workspace = Create {
            scope: workspace(),
            ..invite(2, "viewer")
        };
        let made = world.run(1, to_workspace).await.unwrap();
        world.workspace_is(PlaceState::Suspended).await;
        let refused = world.run(2, accept(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
        world.workspace_is(PlaceState::Deleted).await;
        let refused = world.run(2, accept(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::ScopeDeleted))
        ));
    }

    #[tokio::test]
    async fn an_invitation_does_not_give_what_its_inviter_has_lost() {
        let (world, made) = world().await;
        let member = Member::new(account_id(), user(1), MemberKind::Agent, world.now());
        let suspended = Member {
            state: MemberState::Suspended,
            ..member
        };
        world.put_member(suspended).await;
        inviter_may_not(&world, &made).await;
        world.put_member(member).await;
        world.disable(1).await;
        inviter_may_not(&world, &made).await;
        assert!(world.roles(2, &account()).await.is_empty());
    }

    #[tokio::test]
    async fn the_invitation_of_an_operator_counts_while_it_is_one() {
        let (world, _) = world().await;
        let made = world.operate(invite(3, "editor")).await.unwrap();
        world.person(3).await;
        let refused = world.run(3, accept(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::InviterMayNot))
        ));
        let (root, operator) = (ScopeRoot::Deployment, &made.creator);
        world
            .put(async |write: &mut draft::Draft| {
                write
                    .set_root_binding(&root, operator, "operator", true)
                    .await
                    .map(|_| ())
            })
            .await;
        world.run(3, accept(&made)).await.unwrap();
    }

    #[tokio::test]
    async fn the_invitation_of_a_disabled_service_account_is_not_accepted() {
        let (world, mut made) = world().await;
        let id = ServiceAccountId::generate(&*world.ports.ids);
        made.creator = Subject::service(id);
        world.bind(&made.creator, "admin", &account()).await;
        let mut service = ServiceAccount {
            id,
            version: crate::memory::version(1),
            closed_version: None,
            enabled: false,
            root: ScopeRoot::Account(account_id()),
            role: None,
            creator: None,
        };
        world
            .put(async |write: &mut draft::Draft| {
                write.put_invitation(&made).await?;
                write.put_service_account(&service).await
            })
            .await;
        inviter_may_not(&world, &made).await;
        service.enabled = true;
        world
            .put(async |write: &mut draft::Draft| write.put_service_account(&service).await)
            .await;
        world.run(2, accept(&made)).await.unwrap();
    }

    #[tokio::test]
    async fn an_invitation_never_gives_a_single_holder_role() {
        let (world, mut made) = world().await;
        world.bind(&subject(1), "owner", &account()).await;
        made.roles = vec!["owner".to_owned()];
        world
            .put(async |write: &mut draft::Draft| write.put_invitation(&made).await)
            .await;
        inviter_may_not(&world, &made).await;
    }

    #[tokio::test]
    async fn the_domain_must_still_be_allowed() {
        let (world, made) = world().await;
        let allowed = ("allowed_domains".to_owned(), serde_json::json!(["acme.example"]));
        world
            .change_account(|account| account.settings.extend([allowed]))
            .await;
        let refused = world.run(2, accept(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::DomainNotAllowed))
        ));
    }

    #[tokio::test]
    async fn a_new_member_needs_a_seat_and_a_present_one_must_be_active() {
        let (world, made) = world().await;
        world.change_account(|account| account.seats = 1).await;
        let refused = world.run(2, accept(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NoFreeSeat(1)))
        ));
        let suspended = Member {
            state: MemberState::Suspended,
            ..Member::new(account_id(), user(2), MemberKind::Agent, world.now())
        };
        world.put_member(suspended).await;
        let refused = world.run(2, accept(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAMember { .. }))
        ));
        world.member(2, "editor").await;
        world.run(2, accept(&made)).await.unwrap();
        assert_eq!(world.roles(2, &account()).await, ["editor", "viewer"]);
        let found = world.read().invitation(made.id).await.unwrap().unwrap();
        assert_eq!(found.state, State::Accepted);
    }
}
