//! Makes a user a member without an invitation: an act of the operator.

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::method::authorization::CreateMember;

use crate::prelude::*;
use crate::{
    member::Member,
    person::{Person, PersonState},
};

/// What is asked. The guard lets the operator alone pass. A membership of the same kind and end is left as it
/// is.
#[derive(Debug, Clone)]
pub struct Create {
    /// The user.
    pub user: UserId,
    /// The kind of member.
    pub kind: MemberKind,
    /// When the membership ends by itself.
    pub expires_at: Option<Timestamp>,
}

#[async_trait]
impl Operation for Create {
    type Method = CreateMember;
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
        if self.expires_at.is_some_and(|at| at <= work.now) {
            return Err(Violations::of("expire_time", "must be in the future").into());
        }
        // Version 0: nothing was replicated of the user yet.
        let known = |person: &Person| person.version.number() > 0 && person.state != PersonState::Deleted;
        let person = work.unit.person(self.user).await?.filter(known);
        if person.ok_or(Refused::NotFound("user"))?.state == PersonState::Disabled {
            return Err(Error::Precondition(Precondition::UserDisabled));
        }
        if let Some(member) = work.unit.member(self.user).await? {
            let same = member.kind == self.kind && member.expires_at == self.expires_at;
            return if same {
                Ok(member)
            } else {
                Err(Error::Precondition(Precondition::MemberExists))
            };
        }
        work.ensure_seat(self.kind).await?;
        let member = Member {
            expires_at: self.expires_at,
            ..Member::new(work.account(), self.user, self.kind, work.now)
        };
        work.unit.put_member(&member).await?;
        let subject = Subject::user(self.user);
        work.subject_changed(&subject);
        let entry = work.entry(subject).with("kind", self.kind.as_str());
        work.emit(entry);
        Ok(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{World, account, subject, user};

    fn agent(n: u128) -> Create {
        Create {
            user: user(n),
            kind: MemberKind::Agent,
            expires_at: None,
        }
    }

    fn customer(n: u128) -> Create {
        Create {
            kind: MemberKind::Customer,
            ..agent(n)
        }
    }

    #[tokio::test]
    async fn a_user_becomes_a_member_once() {
        let world = World::new().await;
        world.person(1).await;
        let member = world.operate(agent(1)).await.unwrap();
        assert_eq!(world.membership(1).await, Some(member));
        assert_eq!(world.last_entry().details["kind"], "agent");
        let told = world.told().len();
        assert_eq!(world.operate(agent(1)).await.unwrap(), member);
        assert_eq!(world.told().len(), told);
    }

    #[tokio::test]
    async fn a_preview_tells_what_would_be_gained_and_writes_nothing() {
        let world = World::new().await;
        world.person(1).await;
        world.bind(&subject(1), "viewer", &account()).await;
        let effects = world.preview_as_operator(agent(1)).await.unwrap();
        assert!(
            effects
                .iter()
                .any(|effect| effect.gains.contains(&"project.view".to_owned())),
            "{effects:?}"
        );
        assert_eq!(world.membership(1).await, None);
    }

    #[tokio::test]
    async fn a_membership_of_another_kind_or_end_is_not_replaced() {
        let world = World::new().await;
        world.member(1, "").await;
        let end = world.now().plus(std::time::Duration::from_mins(1));
        let ending = Create {
            expires_at: Some(end),
            ..agent(1)
        };
        for other in [customer(1), ending] {
            let refused = world.operate(other).await;
            assert!(matches!(
                refused,
                Err(Error::Precondition(Precondition::MemberExists))
            ));
        }
    }

    #[tokio::test]
    async fn unknown_deleted_and_disabled_users_become_no_members() {
        let world = World::new().await;
        let deleted = Person {
            version: crate::memory::version(1),
            state: PersonState::Deleted,
            ..Person::unknown(user(2))
        };
        let untold = Person::unknown(user(3));
        for person in [deleted, untold] {
            world
                .put(async |write| crate::person::Writer::put_person(write, &person).await)
                .await;
        }
        for n in [1, 2, 3] {
            let refused = world.operate(agent(n)).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::NotFound("user")))),
                "{n}"
            );
        }
        world.disable(4).await;
        assert!(matches!(
            world.operate(agent(4)).await,
            Err(Error::Precondition(Precondition::UserDisabled))
        ));
    }

    #[tokio::test]
    async fn an_agent_needs_a_seat_and_a_customer_none() {
        let world = World::new().await;
        world.change_account(|account| account.seats = 1).await;
        world.member(1, "").await;
        world.person(2).await;
        let refused = world.operate(agent(2)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NoFreeSeat(1)))
        ));
        world.operate(customer(2)).await.unwrap();
    }

    #[tokio::test]
    async fn an_end_lies_in_the_future() {
        let world = World::new().await;
        world.person(1).await;
        let past = Create {
            expires_at: Some(world.now()),
            ..agent(1)
        };
        let Err(Error::Invalid(faults)) = world.operate(past).await else {
            panic!("the member was created")
        };
        assert_eq!(faults.as_slice()[0].field, "expire_time");
    }
}
