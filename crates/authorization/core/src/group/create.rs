//! Makes an empty group.

use bailiwick_types::{GroupId, method::authorization::CreateGroup};

use crate::prelude::*;
use crate::{group::Group, request::Repeatable};

/// What is asked. The guard has asked for `group.edit`.
#[derive(Debug, Clone)]
pub struct Create {
    /// The title.
    pub title: String,
    /// The client's own id of this request: repeating it returns the same group.
    pub request_id: Option<String>,
}

#[async_trait]
impl Operation for Create {
    type Method = CreateGroup;
    type Output = Group;
    type Plan = ();

    async fn permit(&self, _: &mut Work) -> Result<(), Error> {
        Ok(())
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<Group, Error> {
        let request = Repeatable {
            id: self.request_id.as_deref(),
            digest: self.title.clone(),
        };
        if let Some(made) = request.made(work).await? {
            let group = work.unit.group(made).await?;
            return Ok(group.ok_or(Refused::NotFound("group"))?);
        }
        let group = Group {
            id: GroupId::generate(&*work.ids),
            account: work.account(),
            title: self.title.clone(),
            created_at: work.now,
        };
        work.unit.put_group(&group).await?;
        request.keep(work, group.id).await?;
        work.emit(Change::Group(group.id));
        let entry = work.entry(Subject::group(group.id));
        work.emit(entry);
        Ok(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{group::Reader, memory::World, request::Answered};

    fn create(title: &str, request_id: Option<&str>) -> Create {
        Create {
            title: title.to_owned(),
            request_id: request_id.map(ToOwned::to_owned),
        }
    }

    async fn groups(world: &World) -> usize {
        world.read().groups(None, 9).await.unwrap().len()
    }

    #[tokio::test]
    async fn a_repeated_request_makes_one_group() {
        let world = World::new().await;
        world.member(1, "manager").await;
        let first = world.run(1, create("Crew", Some("a"))).await.unwrap();
        assert_eq!(world.run(1, create("Crew", Some("a"))).await.unwrap(), first);
        assert_eq!(groups(&world).await, 1);
        for request_id in [Some("b"), None, None] {
            let other = world.run(1, create("Crew", request_id)).await.unwrap();
            assert_ne!(other.id, first.id);
        }
        assert_eq!(groups(&world).await, 4);
    }

    #[tokio::test]
    async fn a_request_id_serves_for_one_request() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.run(1, create("Crew", Some("a"))).await.unwrap();
        let refused = world.run(1, create("Cast", Some("a"))).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::RequestIdReused))
        ));
        let of_another_method = Answered {
            method: "other".to_owned(),
            digest: "Crew".to_owned(),
            response: String::new(),
        };
        world
            .put(async |write| {
                let root = bailiwick_types::ScopeRoot::Account(crate::memory::account_id());
                let now = world.now();
                crate::request::Writer::keep_answer(write, &root, "b", &of_another_method, now).await
            })
            .await;
        let refused = world.run(1, create("Crew", Some("b"))).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::RequestIdReused))
        ));
    }

    #[tokio::test]
    async fn a_repeated_request_does_not_make_a_deleted_group_again() {
        let world = World::new().await;
        world.member(1, "manager").await;
        let group = world.run(1, create("Crew", Some("a"))).await.unwrap();
        let delete = crate::group::delete::Delete { group: group.id };
        world.run(1, delete).await.unwrap();
        let refused = world.run(1, create("Crew", Some("a"))).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("group")))));
    }
}
