//! Ends a membership and its seat: at once, or with the billing cycle.

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::method::authorization::DeleteMember;

use super::remove::remove;
use crate::prelude::*;
use crate::seat;

/// What is asked. It is decided by the rules of removing a member.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The user.
    pub user: UserId,
    /// Whether the seat ends with the billing cycle; else it is free at once.
    pub seat_ends: bool,
}

#[async_trait]
impl Operation for Delete {
    type Method = DeleteMember;
    type Output = ();
    type Plan = ();

    async fn permit(&self, work: &mut Work) -> Result<(), Error> {
        Ok(work.require("user.remove", &work.account_scope())?)
    }

    async fn points(&self, (): &(), work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        points
            .add_everywhere(&*work.unit, work.account(), self.user)
            .await
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<(), Error> {
        let member = work.unit.member(self.user).await?;
        let seated = member.is_some_and(|member| member.kind == MemberKind::Agent);
        remove(work, self.user, None).await?;
        let account = &work.situation.account;
        if self.seat_ends && seated && account.seats > 0 {
            let at = seat::cycle_end(account.billing_anchor, work.now);
            work.unit.put_ending(self.user, at).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_types::Refused;

    use super::*;
    use crate::{
        Precondition,
        memory::{World, user},
        seat::Reader,
    };

    fn delete(n: u128, seat_ends: bool) -> Delete {
        Delete {
            user: user(n),
            seat_ends,
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.change_account(|account| account.seats = 10).await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        world
    }

    #[tokio::test]
    async fn a_seat_is_free_at_once_or_ends_with_the_billing_cycle() {
        let world = world().await;
        world.member(3, "viewer").await;
        world.run(1, delete(2, false)).await.unwrap();
        assert_eq!(world.read().endings().await.unwrap(), []);
        world.run(1, delete(3, true)).await.unwrap();
        let end = seat::cycle_end(world.now(), world.now());
        assert_eq!(world.read().endings().await.unwrap(), [end]);
        assert_eq!(world.membership(2).await.or(world.membership(3).await), None);
        assert_eq!(
            world.last_entry().action,
            "bailiwick.authorization.v1.MemberService/DeleteMember"
        );
    }

    #[tokio::test]
    async fn customers_and_accounts_without_a_limit_have_no_seat_that_could_end() {
        let world = world().await;
        let customer = crate::member::Member {
            kind: MemberKind::Customer,
            ..world.membership(2).await.unwrap()
        };
        world.put_member(customer).await;
        world.run(1, delete(2, true)).await.unwrap();
        world.change_account(|account| account.seats = 0).await;
        world.member(3, "viewer").await;
        world.run(1, delete(3, true)).await.unwrap();
        assert_eq!(world.read().endings().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_preview_tells_what_would_be_lost_and_writes_nothing() {
        let world = world().await;
        let effects = world.preview(1, delete(2, true)).await.unwrap();
        assert!(
            effects
                .iter()
                .any(|effect| effect.loses.contains(&"project.view".to_owned()))
        );
        assert!(world.membership(2).await.is_some());
        assert_eq!(world.read().endings().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_member_is_deleted_by_the_rules_of_removing_it() {
        let world = world().await;
        world.member(3, "editor").await;
        world.member(4, "admin").await;
        for (by, n) in [(2, 3), (2, 9), (1, 3)] {
            let refused = world.run(by, delete(n, false)).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{by} {n}"
            );
        }
        let refused = world.run(1, delete(9, false)).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("member")))
        ));
        let refused = world.run(1, delete(4, false)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderRule { .. }))
        ));
    }
}
