//! Puts a user or a group into a group: it gets everything that the group and the groups above it have.

use std::collections::BTreeSet;

use bailiwick_types::{GroupId, method::authorization::AddGroupMember};

use super::holdings;
use crate::prelude::*;

/// What is asked. A member that is in the group already stays in it.
#[derive(Debug, Clone)]
pub struct AddMember {
    /// The group.
    pub group: GroupId,
    /// The user or group to put in.
    pub member: Subject,
}

#[async_trait]
impl Operation for AddMember {
    type Method = AddGroupMember;
    type Output = ();
    /// The group and the groups above it.
    type Plan = BTreeSet<Subject>;

    async fn permit(&self, work: &mut Work) -> Result<Self::Plan, Error> {
        holdings::permit(work, self.group).await
    }

    async fn points(
        &self,
        holders: &Self::Plan,
        work: &mut Work,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        holdings::add_points(points, work, holders, &self.member).await
    }

    async fn apply(self, holders: Self::Plan, work: &mut Work) -> Result<(), Error> {
        if self.member.kind() == "group" {
            let inner: GroupId = self
                .member
                .id()
                .parse()
                .map_err(|_| Refused::NotFound("member"))?;
            let known = work.unit.group(inner).await?;
            known.ok_or(Refused::NotFound("member"))?;
            if inner == self.group {
                return Err(Violations::of("member", "must not be the group itself").into());
            }
            if holders.contains(&Subject::group(inner)) {
                return Err(Error::Precondition(Precondition::GroupCycle));
            }
        } else {
            work.ensure_subject(&self.member).await?;
        }
        work.unit.set_group_member(self.group, &self.member, true).await?;
        work.subject_changed(&self.member);
        let entry = work.entry(Subject::group(self.group));
        work.emit(entry.with("member", &self.member));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        Change,
        group::Reader,
        memory::{World, account, subject},
    };

    fn add(group: GroupId, member: Subject) -> AddMember {
        AddMember { group, member }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(3, "").await;
        world
    }

    #[tokio::test]
    async fn a_member_is_in_the_group_however_often_it_is_added() {
        let world = world().await;
        let group = world.group(&[]).await;
        for _ in 0..2 {
            world.run(1, add(group, subject(3))).await.unwrap();
            let members = world.read().group_members(group, None, 9).await.unwrap();
            assert_eq!(members, [subject(3)]);
        }
        let told = world.told();
        let [Change::Subject(changed), Change::Audited(audit)] = &told[told.len() - 2..] else {
            panic!("{told:?}")
        };
        assert_eq!(*changed, subject(3));
        assert_eq!(
            audit.action,
            "bailiwick.authorization.v1.GroupService/AddGroupMember"
        );
        assert_eq!(audit.target, Subject::group(group).to_string());
        assert_eq!(audit.details["member"], subject(3).to_string());
    }

    #[tokio::test]
    async fn a_preview_tells_what_the_users_would_gain_and_writes_nothing() {
        let world = world().await;
        let outer = world.group(&[]).await;
        world.bind(&Subject::group(outer), "viewer", &account()).await;
        let inner = world.group(&[subject(3)]).await;
        for member in [subject(3), Subject::group(inner)] {
            let effects = world.preview(1, add(outer, member)).await.unwrap();
            let [effect] = &effects[..] else {
                panic!("{effects:?}")
            };
            assert_eq!(effect.subject, subject(3));
            assert!(effect.gains.contains(&"project.view".to_owned()));
        }
        assert!(
            world
                .read()
                .group_members(outer, None, 9)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn only_active_members_and_known_groups_are_put_in() {
        let world = world().await;
        world.person(4).await;
        let group = world.group(&[]).await;
        let refused = world.run(1, add(group, subject(4))).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAMember { .. }))
        ));
        let refused = world.run(1, add(group, "user:nobody".parse().unwrap())).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAUser { .. }))
        ));
        let unknown = Subject::group(GroupId::from_uuid(Uuid::from_u128(9)));
        for member in [unknown, "group:none".parse().unwrap()] {
            let refused = world.run(1, add(group, member)).await;
            assert!(matches!(
                refused,
                Err(Error::Refused(Refused::NotFound("member")))
            ));
        }
    }

    #[tokio::test]
    async fn a_group_is_not_put_below_itself() {
        let world = world().await;
        let inner = world.group(&[]).await;
        let middle = world.group(&[Subject::group(inner)]).await;
        let outer = world.group(&[Subject::group(middle)]).await;
        let refused = world.run(1, add(inner, Subject::group(inner))).await;
        assert!(matches!(refused, Err(Error::Invalid(_))));
        let refused = world.run(1, add(inner, Subject::group(outer))).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::GroupCycle))
        ));
        world.run(1, add(outer, Subject::group(inner))).await.unwrap();
    }
}
