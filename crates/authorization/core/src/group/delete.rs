//! Deletes a group: its members lose everything that they have through it.

use std::collections::BTreeSet;

use bailiwick_types::{GroupId, method::authorization::DeleteGroup};

use super::holdings;
use crate::prelude::*;

/// Members that are read at once.
const PAGE: u64 = 10_000;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The group.
    pub group: GroupId,
}

#[async_trait]
impl Operation for Delete {
    type Method = DeleteGroup;
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
        holdings::add_points(points, work, holders, &Subject::group(self.group)).await
    }

    async fn apply(self, _: Self::Plan, work: &mut Work) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let page = work
                .unit
                .group_members(self.group, after.as_deref(), PAGE)
                .await?;
            page.iter().for_each(|member| work.subject_changed(member));
            if (page.len() as u64) < PAGE {
                break;
            }
            after = page.last().map(ToString::to_string);
        }
        work.unit.remove_group(self.group).await?;
        work.emit(Change::Group(self.group));
        let entry = work.entry(Subject::group(self.group));
        work.emit(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        binding::Reader as _,
        group::Reader,
        memory::{World, account, subject},
    };

    #[tokio::test]
    async fn a_group_goes_with_its_members_and_what_it_has() {
        let world = World::new().await;
        world.member(1, "manager").await;
        let inner = world.group(&[]).await;
        let members = [subject(3), Subject::group(inner)];
        let group = world.group(&members).await;
        let outer = world.group(&[Subject::group(group)]).await;
        world.bind(&Subject::group(group), "viewer", &account()).await;
        let before = world.told().len();
        world.run(1, Delete { group }).await.unwrap();
        let read = world.read();
        assert_eq!(read.group(group).await.unwrap(), None);
        assert!(read.group_members(outer, None, 9).await.unwrap().is_empty());
        assert!(read.groups_of(&subject(3)).await.unwrap().is_empty());
        assert!(read.bindings_of(&Subject::group(group)).await.unwrap().is_empty());
        let told = world.told().split_off(before);
        for change in members
            .iter()
            .map(Change::of_subject)
            .chain([Change::Group(group)])
        {
            assert!(told.contains(&change), "{change:?}");
        }
        let refused = world.run(1, Delete { group }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("group")))));
    }

    #[tokio::test]
    async fn a_preview_tells_what_every_user_would_lose_and_writes_nothing() {
        let world = World::new().await;
        for (n, role) in [(1, "manager"), (3, ""), (4, ""), (5, "viewer")] {
            world.member(n, role).await;
        }
        let inner = world.group(&[subject(4)]).await;
        let group = world
            .group(&[subject(3), subject(5), Subject::group(inner)])
            .await;
        let outer = world.group(&[Subject::group(group)]).await;
        world.bind(&Subject::group(outer), "viewer", &account()).await;
        let effects = world.preview(1, Delete { group }).await.unwrap();
        let subjects: Vec<&Subject> = effects.iter().map(|effect| &effect.subject).collect();
        assert_eq!(subjects, [&subject(3), &subject(4)]);
        for effect in &effects {
            assert!(effect.loses.contains(&"project.view".to_owned()), "{effect:?}");
        }
        assert!(world.read().group(group).await.unwrap().is_some());
    }
}
