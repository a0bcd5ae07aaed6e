//! Suspends a member, which takes all of its access in the account away, and reactivates it.

use bailiwick_policy::MemberState;
use bailiwick_types::method::authorization::{ReactivateMember, SuspendMember};

use super::{Member, check_roles, ensure_other};
use crate::prelude::*;

/// Suspends a member. One that is suspended is left as it is.
#[derive(Debug, Clone)]
pub struct Suspend {
    /// The user.
    pub user: UserId,
}

/// Reactivates a member. One that is active is left as it is.
#[derive(Debug, Clone)]
pub struct Reactivate {
    /// The user.
    pub user: UserId,
}

#[async_trait]
impl Operation for Suspend {
    type Method = SuspendMember;
    type Output = Member;
    type Plan = ();

    async fn permit(&self, work: &mut Work) -> Result<(), Error> {
        Ok(work.require("user.suspend", &work.account_scope())?)
    }

    async fn points(&self, (): &(), work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        points
            .add_everywhere(&*work.unit, work.account(), self.user)
            .await
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<Member, Error> {
        put_state(work, self.user, MemberState::Suspended).await
    }
}

#[async_trait]
impl Operation for Reactivate {
    type Method = ReactivateMember;
    type Output = Member;
    type Plan = ();

    async fn permit(&self, work: &mut Work) -> Result<(), Error> {
        work.require("user.suspend", &work.account_scope())?;
        ensure_other(work, self.user).await
    }

    async fn points(&self, (): &(), work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        points
            .add_everywhere(&*work.unit, work.account(), self.user)
            .await
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<Member, Error> {
        put_state(work, self.user, MemberState::Active).await
    }
}

async fn put_state(work: &mut Work, user: UserId, state: MemberState) -> Result<Member, Error> {
    let member = work.unit.member(user).await?.ok_or(Refused::NotFound("member"))?;
    let subject = Subject::user(user);
    let bindings = work.unit.bindings_of(&subject).await?;
    let stops = state == MemberState::Suspended && member.state == MemberState::Active;
    check_roles(work, &bindings, stops).await?;
    if member.state == state {
        return Ok(member);
    }
    let member = Member { state, ..member };
    work.unit.put_member(&member).await?;
    work.subject_changed(&subject);
    let entry = work.entry(subject);
    work.emit(entry);
    Ok(member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{World, user};

    fn suspend(n: u128) -> Suspend {
        Suspend { user: user(n) }
    }

    fn reactivate(n: u128) -> Reactivate {
        Reactivate { user: user(n) }
    }

    #[tokio::test]
    async fn access_is_taken_away_and_given_back() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        let permission = "project.view".to_owned();
        let effects = world.preview(1, suspend(2)).await.unwrap();
        assert!(effects.iter().any(|effect| effect.loses.contains(&permission)));
        assert_eq!(world.membership(2).await.unwrap().state, MemberState::Active);

        let member = world.run(1, suspend(2)).await.unwrap();
        assert_eq!(member.state, MemberState::Suspended);
        assert_eq!(
            world.last_entry().action,
            "bailiwick.authorization.v1.MemberService/SuspendMember"
        );
        let told = world.told().len();
        world.run(1, suspend(2)).await.unwrap();
        assert_eq!(world.told().len(), told, "it was suspended already");

        let effects = world.preview(1, reactivate(2)).await.unwrap();
        assert!(effects.iter().any(|effect| effect.gains.contains(&permission)));
        assert_eq!(world.membership(2).await, Some(member));
        world.run(1, reactivate(2)).await.unwrap();
        assert_eq!(world.membership(2).await.unwrap().state, MemberState::Active);
        assert_eq!(
            world.last_entry().action,
            "bailiwick.authorization.v1.MemberService/ReactivateMember"
        );
    }

    #[tokio::test]
    async fn nobody_is_suspended_or_reactivated_without_the_right_to_assign_their_roles() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "editor").await;
        world.member(3, "viewer").await;
        for (by, n) in [(1, 2), (2, 3), (2, 9)] {
            let refused = [
                world.run(by, suspend(n)).await.err(),
                world.run(by, reactivate(n)).await.err(),
                world.preview(by, suspend(n)).await.err(),
            ];
            for refused in refused {
                assert!(
                    matches!(refused, Some(Error::Refused(Refused::Denied))),
                    "{by} {n}"
                );
            }
        }
    }

    #[tokio::test]
    async fn the_last_holder_is_not_suspended() {
        let world = World::new().await;
        world.member(1, "admin").await;
        let refused = world.run(1, suspend(1)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderRule { .. }))
        ));
        world.member(2, "admin").await;
        world.run(2, suspend(1)).await.unwrap();
    }

    #[tokio::test]
    async fn a_user_without_membership_is_not_found() {
        let world = World::new().await;
        world.member(1, "manager").await;
        let refused = [
            world.run(1, suspend(2)).await.err(),
            world.run(1, reactivate(2)).await.err(),
        ];
        for refused in refused {
            assert!(matches!(
                refused,
                Some(Error::Refused(Refused::NotFound("member")))
            ));
        }
    }

    #[tokio::test]
    async fn nobody_reactivates_themselves_by_a_service_account_or_as_the_operator() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "manager").await;
        let service = world.service(1, "admin").await;
        world.operate(suspend(1)).await.unwrap();
        let refused = world.run_as(&service, reactivate(1)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        world.operate(suspend(2)).await.unwrap();
        world.run_as(&service, reactivate(2)).await.unwrap();
        // The operator is user 999.
        world.member(999, "").await;
        world.operate(suspend(999)).await.unwrap();
        let refused = world.operate(reactivate(999)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }
}
