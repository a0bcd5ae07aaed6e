//! Removes a resource with all grants on it.

use bailiwick_types::method::authorization::UnregisterResource;

use super::{Name, Resource};
use crate::prelude::*;

/// What is asked. The guard has asked for `TYPE.delete` on the resource.
#[derive(Debug, Clone)]
pub struct Unregister {
    /// Type and id.
    pub name: Name,
}

#[async_trait]
impl Operation for Unregister {
    type Method = UnregisterResource;
    type Output = ();
    type Plan = Resource;

    async fn permit(&self, work: &mut Work) -> Result<Resource, Error> {
        let resource = work.unit.resource(&self.name).await?;
        Ok(resource.ok_or(Refused::NotFound("resource"))?)
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

    async fn apply(self, resource: Resource, work: &mut Work) -> Result<(), Error> {
        if work.unit.has_children(&resource.name).await? {
            return Err(Error::Precondition(Precondition::ResourceNotEmpty));
        }
        // Another resource may be registered by that name: grants and approvals must not pass to it.
        for subject in work.unit.remove_resource(&resource.name).await? {
            work.subject_changed(&subject);
        }
        work.emit(Change::of_resource(&resource.name));
        work.emit(work.entry(&resource.name).with("scope", &resource.scope));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        grant::{About, Reader as _},
        memory::{World, account, name, subject},
    };

    fn unregister(text: &str) -> Unregister {
        Unregister { name: name(text) }
    }

    #[tokio::test]
    async fn a_resource_goes_with_its_grants_and_a_preview_tells_who_would_lose_access() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "").await;
        world.resource("project:p", &account(), None).await;
        let about = About::Resource(name("project:p"));
        world.grant(&subject(2), &["project.view"], about).await;
        let effects = world.preview(1, unregister("project:p")).await.unwrap();
        let lost = effects.iter().find(|effect| effect.subject == subject(2));
        assert_eq!(lost.unwrap().loses, ["project.view"]);
        assert!(world.found("project:p").await.is_some());
        world.run(1, unregister("project:p")).await.unwrap();
        assert!(world.found("project:p").await.is_none());
        assert_eq!(world.read().count_grants(&subject(2)).await.unwrap(), 0);
        assert!(world.told().contains(&Change::of_subject(&subject(2))));
        let scope = ("scope".to_owned(), account().to_string());
        assert_eq!(world.audited(), ("project:p".to_owned(), vec![scope]));
        let refused = world.run(1, unregister("project:p")).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("resource")))
        ));
    }

    #[tokio::test]
    async fn a_resource_with_others_below_it_stays() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.resource("folder:f", &account(), None).await;
        world.resource("project:p", &account(), Some("folder:f")).await;
        let refused = world.run(1, unregister("folder:f")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::ResourceNotEmpty))
        ));
    }
}
