//! Takes a member out of a group: the member loses everything that it has through the group.

use std::collections::BTreeSet;

use bailiwick_types::{GroupId, method::authorization::RemoveGroupMember};

use super::holdings;
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct RemoveMember {
    /// The group.
    pub group: GroupId,
    /// The user or group to take out.
    pub member: Subject,
}

#[async_trait]
impl Operation for RemoveMember {
    type Method = RemoveGroupMember;
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

    async fn apply(self, _: Self::Plan, work: &mut Work) -> Result<(), Error> {
        if !work.unit.groups_of(&self.member).await?.contains(&self.group) {
            return Err(Refused::NotFound("member").into());
        }
        work.unit
            .set_group_member(self.group, &self.member, false)
            .await?;
        work.subject_changed(&self.member);
        let entry = work.entry(Subject::group(self.group));
        work.emit(entry.with("member", &self.member));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        group::Reader,
        memory::{World, account, subject},
    };

    #[tokio::test]
    async fn a_member_is_taken_out_once() {
        let world = World::new().await;
        world.member(1, "manager").await;
        let group = world.group(&[subject(3), subject(4)]).await;
        let remove = RemoveMember {
            group,
            member: subject(3),
        };
        world.run(1, remove.clone()).await.unwrap();
        let members = world.read().group_members(group, None, 9).await.unwrap();
        assert_eq!(members, [subject(4)]);
        let refused = world.run(1, remove).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("member")))
        ));
    }

    #[tokio::test]
    async fn a_preview_tells_what_the_users_would_lose_and_writes_nothing() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(3, "").await;
        let inner = world.group(&[subject(3)]).await;
        let outer = world.group(&[Subject::group(inner)]).await;
        world.bind(&Subject::group(outer), "viewer", &account()).await;
        for (group, member) in [(inner, subject(3)), (outer, Subject::group(inner))] {
            let remove = RemoveMember {
                group,
                member: member.clone(),
            };
            let effects = world.preview(1, remove).await.unwrap();
            let [effect] = &effects[..] else {
                panic!("{effects:?}")
            };
            assert_eq!(effect.subject, subject(3));
            assert!(effect.loses.contains(&"project.view".to_owned()));
            assert_eq!(world.read().groups_of(&member).await.unwrap(), [group]);
        }
    }
}
