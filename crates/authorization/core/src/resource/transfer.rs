//! Hands a resource to another owner, whose quota it takes.

use bailiwick_types::method::authorization::TransferResource;

use super::{Name, Resource};
use crate::prelude::*;

/// What is asked. A subject that is the owner already stays the owner.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Type and id.
    pub name: Name,
    /// The new owner.
    pub to: Subject,
}

#[async_trait]
impl Operation for Transfer {
    type Method = TransferResource;
    type Output = Resource;
    type Plan = Resource;

    async fn permit(&self, work: &mut Work) -> Result<Resource, Error> {
        let found = work.unit.resource(&self.name).await?;
        // Only a caller with the right in the whole account learns that a resource does not exist.
        let at = found.as_ref().map(|found| found.scope.clone());
        let at = at.unwrap_or_else(|| work.account_scope());
        work.look_at([&at]).await?;
        work.require("resource.transfer", &at)?;
        Ok(found.ok_or(Refused::NotFound("resource"))?)
    }

    async fn points(
        &self,
        resource: &Resource,
        work: &mut Work,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let names = std::slice::from_ref(&resource.name);
        points.add_resources(work, names, &[&resource.scope], &[]).await
    }

    async fn apply(self, mut resource: Resource, work: &mut Work) -> Result<Resource, Error> {
        work.ensure_active(&resource.scope)?;
        if resource.owner.as_ref() == Some(&self.to) {
            return Ok(resource);
        }
        work.ensure_quota(&self.to, &resource.name.of).await?;
        let entry = work.entry(&resource.name).with("to", &self.to);
        let before = resource.clone();
        let entry = match resource.owner.replace(self.to) {
            Some(from) => entry.with("from", from),
            None => entry,
        };
        resource.updated_at = work.now;
        work.put_resource(Some(before), &resource).await?;
        work.emit(entry);
        Ok(resource)
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PlaceState;

    use super::*;
    use crate::{
        memory::{World, account, name, subject, workspace},
        resource::Writer,
    };

    fn transfer(text: &str, n: u128) -> Transfer {
        Transfer {
            name: name(text),
            to: subject(n),
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "editor").await;
        world.member(3, "keeper").await;
        world.resource("project:p", &workspace(), None).await;
        world
    }

    #[tokio::test]
    async fn a_resource_gets_another_owner_and_a_preview_tells_what_that_changes() {
        let world = world().await;
        let effects = world.preview(1, transfer("project:p", 3)).await.unwrap();
        let [effect] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(
            (&effect.subject, &*effect.gains),
            (&subject(3), &["project.delete".to_owned()][..])
        );
        assert_eq!(world.found("project:p").await.unwrap().owner, None);
        for n in [2, 3] {
            world.run(1, transfer("project:p", n)).await.unwrap();
            assert_eq!(world.found("project:p").await.unwrap().owner, Some(subject(n)));
        }
        let (target, details) = world.audited();
        let from_to = [("from", subject(2)), ("to", subject(3))];
        assert_eq!(target, "project:p");
        assert_eq!(
            details,
            from_to.map(|(key, who)| (key.to_owned(), who.to_string()))
        );
        let told = world.told().len();
        world.run(1, transfer("project:p", 3)).await.unwrap();
        assert_eq!(world.told().len(), told);
    }

    #[tokio::test]
    async fn without_the_right_nothing_is_handed_over_or_learned() {
        let world = world().await;
        for text in ["project:p", "project:none"] {
            let refused = world.run(2, transfer(text, 2)).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))), "{text}");
            let refused = world.preview(2, transfer(text, 2)).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))), "{text}");
        }
        let refused = world.run(1, transfer("project:none", 2)).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("resource")))
        ));
    }

    #[tokio::test]
    async fn a_resource_in_a_suspended_or_deleted_scope_keeps_its_owner() {
        let world = world().await;
        world.workspace_is(PlaceState::Suspended).await;
        let refused = world.operate(transfer("project:p", 2)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
        world.workspace_is(PlaceState::Deleted).await;
        let refused = world.operate(transfer("project:p", 2)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
    }

    #[tokio::test]
    async fn the_quota_of_the_new_owner_counts() {
        let world = world().await;
        world
            .put(async |write| write.put_quota(&subject(2), "project", Some(1)).await)
            .await;
        world.resource("project:q", &account(), None).await;
        world.run(1, transfer("project:q", 2)).await.unwrap();
        let refused = world.run(1, transfer("project:p", 2)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::QuotaExhausted(1)))
        ));
        world.run(1, transfer("project:q", 2)).await.unwrap();
    }
}
