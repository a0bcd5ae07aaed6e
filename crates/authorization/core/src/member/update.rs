//! Changes the kind of a member, and when its membership ends by itself.

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::method::authorization::UpdateMember;

use super::{Member, check_roles, ensure_other};
use crate::prelude::*;
use crate::seat;

/// What is asked. The guard has asked for `user.edit`.
#[derive(Debug, Clone)]
pub struct Update {
    /// The user.
    pub user: UserId,
    /// When the membership ends by itself; never where absent.
    pub expires_at: Option<Timestamp>,
    /// The kind; as it is where absent. The caller must be able to assign the default roles of both kinds.
    pub kind: Option<MemberKind>,
}

#[async_trait]
impl Operation for Update {
    type Method = UpdateMember;
    type Output = Member;
    type Plan = ();

    async fn permit(&self, _: &mut Work) -> Result<(), Error> {
        Ok(())
    }

    async fn points(&self, (): &(), work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        points
            .add_everywhere(&*work.unit, work.account(), self.user)
            .await
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<Member, Error> {
        if self.expires_at.is_some_and(|at| at < work.now) {
            return Err(Violations::of("expire_time", "must not be in the past").into());
        }
        let member = work.unit.member(self.user).await?;
        let member = member.ok_or(Refused::NotFound("member"))?;
        let kind = self.kind.unwrap_or(member.kind);
        if member.expires_at == self.expires_at && member.kind == kind {
            return Ok(member);
        }
        if member.expires_at != self.expires_at {
            check(work, &member, self.expires_at).await?;
        }
        if member.kind != kind {
            ensure_other(work, self.user).await?;
            work.ensure_seat(kind).await?;
        }
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let before = (member.kind.as_str(), text(member.expires_at));
        let member = Member {
            expires_at: self.expires_at,
            kind,
            ..member
        };
        work.unit.put_member(&member).await?;
        let subject = Subject::user(self.user);
        work.subject_changed(&subject);
        let until = self
            .expires_at
            .map_or_else(|| "never".to_owned(), |at| at.to_string());
        let entry = work
            .entry(subject)
            .with("expires", until)
            .with("kind", kind.as_str())
            .changed("kind", &before.0, &kind.as_str())
            .changed("expire_time", &before.1, &text(self.expires_at));
        work.emit(entry);
        Ok(member)
    }
}

/// An earlier end requires the same rights as suspending the member. A later end requires the right to assign
/// each of the member's roles, and a seat if the membership has ended. A caller cannot change its own
/// membership.
async fn check(work: &mut Work, member: &Member, end: Option<Timestamp>) -> Result<(), Error> {
    ensure_other(work, member.user).await?;
    let shortens = end.is_some_and(|end| member.expires_at.is_none_or(|old| end < old));
    if shortens {
        work.require("user.suspend", &work.account_scope())?;
    }
    let bindings = work.unit.bindings_of(&Subject::user(member.user)).await?;
    check_roles(work, &bindings, shortens).await?;
    let has_ended = member.expires_at.is_some_and(|old| old <= work.now);
    if !shortens && has_ended && member.kind == MemberKind::Agent {
        let seats = seat::count(&*work.unit, &work.situation.account, work.now).await?;
        // The seat of a membership that has ended still counts as taken.
        if let Some(limit) = seats.limit.filter(|limit| seats.used + seats.ending > *limit) {
            return Err(Precondition::NoFreeSeat(limit).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::memory::{STUDIO, World, account, subject, user};

    fn update(n: u128, expires_at: Option<Timestamp>) -> Update {
        Update {
            user: user(n),
            expires_at,
            kind: None,
        }
    }

    fn hours(world: &World, hours: u64) -> Option<Timestamp> {
        Some(world.now().plus(Duration::from_secs(hours * 3_600)))
    }

    #[tokio::test]
    async fn an_end_is_set_and_removed() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        let end = hours(&world, 1);
        assert_eq!(world.run(1, update(2, end)).await.unwrap().expires_at, end);
        assert_eq!(world.membership(2).await.unwrap().expires_at, end);
        assert_eq!(world.last_entry().details["expires"], end.unwrap().to_string());
        let told = world.told().len();
        world.run(1, update(2, end)).await.unwrap();
        assert_eq!(world.told().len(), told, "it ended then already");
        world.run(1, update(2, None)).await.unwrap();
        assert_eq!(world.membership(2).await.unwrap().expires_at, None);
        assert_eq!(world.last_entry().details["expires"], "never");
    }

    #[tokio::test]
    async fn a_preview_tells_what_would_be_lost_and_writes_nothing() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        let now = Some(world.now());
        let effects = world.preview(1, update(2, now)).await.unwrap();
        assert!(
            effects
                .iter()
                .any(|effect| effect.loses.contains(&"project.view".to_owned()))
        );
        assert_eq!(world.membership(2).await.unwrap().expires_at, None);
    }

    #[tokio::test]
    async fn an_earlier_end_requires_the_rights_of_suspending() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "editor").await;
        world.member(3, "").await;
        let end = hours(&world, 1);
        // The editor has no `user.suspend`; the manager cannot revoke the editor's role.
        for (by, n) in [(2, 3), (1, 2)] {
            for refused in [
                world.run(by, update(n, end)).await.err(),
                world.preview(by, update(n, end)).await.err(),
            ] {
                assert!(
                    matches!(refused, Some(Error::Refused(Refused::Denied))),
                    "{by} {n}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_later_end_requires_the_right_to_assign_the_roles() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "editor").await;
        world.member(3, "").await;
        let end = hours(&world, 1);
        for n in [2, 3] {
            world.change_member(n, |member| member.expires_at = end).await;
        }
        for later in [hours(&world, 2), None] {
            let refused = world.run(1, update(2, later)).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
            // `user.suspend` is not asked for.
            world.run(2, update(3, later)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn nobody_changes_their_own_membership() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "admin").await;
        let service = world.service(1, "admin").await;
        world.member(999, "").await;
        let end = hours(&world, 1);
        let refused = [
            world.run(1, update(1, end)).await.err(),
            world.run_as(&service, update(1, end)).await.err(),
            world.operate(update(999, end)).await.err(),
        ];
        for refused in refused {
            assert!(matches!(refused, Some(Error::Refused(Refused::Denied))));
        }
        world.run_as(&service, update(2, end)).await.unwrap();
    }

    #[tokio::test]
    async fn the_last_holder_gets_no_end() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "admin").await;
        let refused = world.run(1, update(2, hours(&world, 1))).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderRule { .. }))
        ));
    }

    #[tokio::test]
    async fn an_ended_membership_comes_back_where_a_seat_is_free() {
        let world = World::new().await;
        world.change_account(|account| account.seats = 1).await;
        world.member(1, "admin").await;
        world.member(2, "").await;
        world.bind(&subject(2), "viewer", &account()).await;
        let now = world.now();
        world
            .change_member(2, |member| member.expires_at = Some(now))
            .await;
        let refused = world.run(1, update(2, None)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NoFreeSeat(1)))
        ));
        world.change_account(|account| account.seats = 2).await;
        world.run(1, update(2, None)).await.unwrap();
    }

    #[tokio::test]
    async fn an_end_in_the_past_is_invalid_and_a_stranger_is_not_found() {
        let world = World::new().await;
        world.member(1, "manager").await;
        let refused = world.run(1, update(2, None)).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("member")))
        ));
        let past = Some(world.now());
        world.clock.advance(Duration::from_secs(1));
        let Err(Error::Invalid(faults)) = world.run(1, update(2, past)).await else {
            panic!("the member was changed")
        };
        assert_eq!(faults.as_slice()[0].field, "expire_time");
    }

    fn become_kind(n: u128, kind: MemberKind) -> Update {
        Update {
            kind: Some(kind),
            ..update(n, None)
        }
    }

    #[tokio::test]
    async fn another_kind_takes_the_default_role_of_the_one_and_gives_that_of_the_other() {
        let world = World::new().await;
        let with_kinds = |agent: &str| {
            STUDIO.replace(
                "subjects: {user: members}",
                &format!("subjects: {{user: members, kinds: {{agent: {{role: {agent}}}, customer: {{role: viewer}}}}}}"),
            )
        };
        world.use_manifest(&with_kinds("viewer"));
        world.member(1, "manager").await;
        world.member(2, "").await;
        world.run(1, become_kind(2, MemberKind::Customer)).await.unwrap();
        assert_eq!(world.membership(2).await.unwrap().kind, MemberKind::Customer);
        assert_eq!(world.last_entry().details["kind"], "customer");
        // The manager does not assign editors.
        world.use_manifest(&with_kinds("editor"));
        let refused = world.run(1, become_kind(2, MemberKind::Agent)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        world.operate(become_kind(2, MemberKind::Agent)).await.unwrap();
        let refused = world.run(1, become_kind(2, MemberKind::Customer)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let own = world.run(1, become_kind(1, MemberKind::Customer)).await;
        assert!(matches!(own, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn an_agent_needs_a_seat() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "").await;
        world.run(1, become_kind(2, MemberKind::Customer)).await.unwrap();
        world.change_account(|account| account.seats = 1).await;
        let refused = world.run(1, become_kind(2, MemberKind::Agent)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NoFreeSeat(1)))
        ));
    }
}
