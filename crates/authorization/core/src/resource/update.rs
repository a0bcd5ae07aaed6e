//! Changes title, parent or attributes of a resource.

use bailiwick_types::method::authorization::UpdateResource;
use serde_json::{Map, Value as Json};

use super::{
    Name, Resource, check, edits,
    reach::{allows_on, load, may_reparent, own_standing},
    tree::{check_parent, with_all_below},
};
use crate::prelude::*;

/// What is asked; what is absent stays as it is. The guard has asked for `TYPE.edit` on the resource. To set
/// another parent, the caller must also be able to edit the parent, and hold what is granted there. Each
/// attribute that changes needs the verb that the manifest names for it.
#[derive(Debug, Clone)]
pub struct Update {
    /// Type and id.
    pub name: Name,
    /// The new title.
    pub title: Option<String>,
    /// The new parent, or none.
    pub parent: Option<Option<Name>>,
    /// Attributes to set; null removes one.
    pub attributes: Map<String, Json>,
}

/// The resource before and after the change.
#[derive(Debug)]
pub struct Changed {
    before: Resource,
    after: Resource,
}

#[async_trait]
impl Operation for Update {
    type Method = UpdateResource;
    type Output = Resource;
    type Plan = Changed;

    async fn permit(&self, work: &mut Work) -> Result<Changed, Error> {
        let before = work.unit.resource(&self.name).await?;
        let before = before.ok_or(Refused::NotFound("resource"))?;
        let after = self.applied_to(&before);
        let mut faults = Violations::new();
        let parent = self.new_parent();
        let product = work.situation.policy.product();
        check(product, &self.name, parent, &after.attributes, &mut faults);
        faults.check()?;
        if let Some(parent) = parent
            && before.parent.as_ref() != Some(parent)
            && !may_reparent(work, &before, parent).await?
        {
            return Err(Refused::Denied.into());
        }
        self.ensure_may_write(work, &before, &after).await?;
        Ok(Changed { before, after })
    }

    async fn points(
        &self,
        Changed { before, .. }: &Changed,
        work: &mut Work,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        // Another parent also changes access to everything below the resource.
        let names = match self.parent {
            None => vec![before.name.clone()],
            Some(_) => with_all_below(&*work.unit, &before.name).await?,
        };
        let above: Vec<&Name> = self.new_parent().into_iter().collect();
        points.add_resources(work, &names, &[&before.scope], &above).await
    }

    async fn apply(self, plan: Changed, work: &mut Work) -> Result<Resource, Error> {
        let Changed { before, mut after } = plan;
        if let Some(parent) = self.new_parent()
            && before.parent.as_ref() != Some(parent)
        {
            check_parent(&*work.unit, &self.name, parent).await?;
        }
        if after == before {
            return Ok(before);
        }
        after.updated_at = work.now;
        work.put_resource(Some(before), &after).await?;
        work.emit(work.entry(&after.name));
        Ok(after)
    }
}

impl Update {
    /// Asks for the verb of each attribute that changes, on the resource as it is.
    async fn ensure_may_write(
        &self,
        work: &mut Work,
        before: &Resource,
        after: &Resource,
    ) -> Result<(), Error> {
        let names = self.attributes.keys();
        let changed = names.filter(|name| before.attributes.get(*name) != after.attributes.get(*name));
        let verbs = edits(work.situation.policy.product(), &self.name.of, changed);
        if verbs.is_empty() {
            return Ok(());
        }
        let aim = load(work, &self.name).await?;
        work.look_at([&before.scope]).await?;
        let own = own_standing(work).await?;
        if verbs.iter().all(|verb| allows_on(work, &own, &aim, verb)) {
            Ok(())
        } else {
            Err(Refused::Denied.into())
        }
    }
    fn new_parent(&self) -> Option<&Name> {
        self.parent.as_ref().and_then(Option::as_ref)
    }
    fn applied_to(&self, before: &Resource) -> Resource {
        let mut after = before.clone();
        for (name, value) in &self.attributes {
            if value.is_null() {
                after.attributes.remove(name);
            } else {
                after.attributes.insert(name.clone(), value.clone());
            }
        }
        if let Some(parent) = &self.parent {
            after.parent.clone_from(parent);
        }
        if let Some(title) = &self.title {
            after.title.clone_from(title);
        }
        after
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::MAX_PARENTS;
    use bailiwick_testkit::witness;
    use bailiwick_types::{ApiKeyId, Fault, KeyScope};

    use super::*;
    use crate::{
        grant::About,
        memory::{World, account, account_id, name, subject, user},
        operation::{self, Done},
    };

    fn update(text: &str) -> Update {
        Update {
            name: name(text),
            title: None,
            parent: None,
            attributes: Map::new(),
        }
    }

    fn below(text: &str, parent: &str) -> Update {
        Update {
            parent: Some(Some(name(parent))),
            ..update(text)
        }
    }

    #[tokio::test]
    async fn an_attribute_is_written_by_whoever_has_its_verb() {
        let world = World::new().await;
        world.use_manifest(&crate::memory::STUDIO.replace(
            "{secret: {type: bool}}",
            "{secret: {type: bool, edit: delete}, colour: {type: string}}",
        ));
        world.member(1, "owner").await;
        world.member(2, "").await;
        world.resource("page:a", &account(), None).await;
        world.grant(&subject(2), &["page.edit"], on("page:a")).await;
        let write = |name: &str, value: Json| Update {
            attributes: [(name.to_owned(), value)].into_iter().collect(),
            ..update("page:a")
        };
        world.run(2, write("colour", "red".into())).await.unwrap();
        assert!(is_denied(&world.run(2, write("secret", true.into())).await));
        world.run(1, write("secret", true.into())).await.unwrap();
        // What stays as it is asks for nothing.
        world.run(2, write("secret", true.into())).await.unwrap();
        assert!(is_denied(&world.run(2, write("secret", Json::Null)).await));
    }

    fn on(text: &str) -> About {
        About::Resource(name(text))
    }

    fn is_denied<T>(result: &Result<T, Error>) -> bool {
        matches!(result, Err(Error::Refused(Refused::Denied)))
    }

    /// `folder:outer`, and `folder:inner` with `project:p` in it.
    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "editor").await;
        world.member(2, "admin").await;
        world.member(3, "").await;
        world.resource("folder:outer", &account(), None).await;
        world.resource("folder:inner", &account(), None).await;
        world
            .resource("project:p", &account(), Some("folder:inner"))
            .await;
        world
    }

    #[tokio::test]
    async fn what_is_named_changes_and_the_rest_stays() {
        let world = world().await;
        world.resource("page:a", &account(), Some("folder:outer")).await;
        let secret = Update {
            attributes: [("secret".to_owned(), true.into())].into_iter().collect(),
            title: Some("Page".to_owned()),
            ..update("page:a")
        };
        let changed = world.run(2, secret).await.unwrap();
        assert_eq!(changed.parent, Some(name("folder:outer")));
        assert_eq!(world.audited(), ("page:a".to_owned(), Vec::new()));
        let cleared = Update {
            attributes: [("secret".to_owned(), Json::Null)].into_iter().collect(),
            parent: Some(None),
            ..update("page:a")
        };
        let changed = world.run(2, cleared).await.unwrap();
        assert_eq!((changed.title.as_str(), changed.parent.as_ref()), ("Page", None));
        assert!(changed.attributes.is_empty());
        assert_eq!(world.found("page:a").await, Some(changed));
        let told = world.told().len();
        world.run(2, update("page:a")).await.unwrap();
        assert_eq!(world.told().len(), told);
    }

    #[tokio::test]
    async fn a_preview_of_another_parent_tells_of_what_is_below_too_and_writes_nothing() {
        let world = world().await;
        world
            .grant(&subject(3), &["project.view"], on("folder:outer"))
            .await;
        let effects = world
            .preview(1, below("folder:inner", "folder:outer"))
            .await
            .unwrap();
        let project = crate::On::Resource(name("project:p"));
        let gained = effects.iter().find(|effect| effect.on == project).unwrap();
        assert_eq!(
            (&gained.subject, &*gained.gains),
            (&subject(3), &["project.view".to_owned()][..])
        );
        assert_eq!(world.found("folder:inner").await.unwrap().parent, None);
    }

    #[tokio::test]
    async fn an_unknown_resource_and_what_does_not_fit_the_manifest_are_refused() {
        let world = world().await;
        let refused = world.run(2, update("project:none")).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("resource")))
        ));
        let undeclared = Update {
            attributes: [("pages".to_owned(), 3.into())].into_iter().collect(),
            ..update("project:p")
        };
        for (update, field) in [
            (undeclared, "attributes"),
            (below("project:p", "rocket:r"), "parent"),
            (below("project:p", "project:p"), "parent"),
        ] {
            let refused = world.run(2, update).await.unwrap_err();
            let [violation] = refused.violations() else {
                panic!("{refused}")
            };
            assert_eq!(violation.field, field);
        }
    }

    #[tokio::test]
    async fn a_resource_is_never_below_itself_or_below_nothing() {
        let world = world().await;
        let refused = world.run(2, below("folder:inner", "project:p")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::ResourceCycle))
        ));
        let refused = world.run(2, below("folder:inner", "folder:none")).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("parent")))
        ));
    }

    #[tokio::test]
    async fn what_would_lie_too_deep_stays_where_it_is() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.resource("folder:1", &account(), None).await;
        for n in 2..=MAX_PARENTS {
            world
                .resource(
                    &format!("folder:{n}"),
                    &account(),
                    Some(&format!("folder:{}", n - 1)),
                )
                .await;
        }
        // Two levels: only one more has room below the last.
        world.resource("folder:top", &account(), None).await;
        world.resource("folder:sub", &account(), Some("folder:top")).await;
        let last = format!("folder:{MAX_PARENTS}");
        let above = format!("folder:{}", MAX_PARENTS - 1);
        let refused = world.run(1, below("folder:top", &last)).await;
        assert!(
            matches!(
                refused,
                Err(Error::Precondition(Precondition::ResourceTooDeep(MAX_PARENTS)))
            ),
            "{refused:?}"
        );
        let refused = world.preview(1, below("folder:top", &last)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::ResourceTooDeep(_)))
        ));
        world.run(1, below("folder:top", &above)).await.unwrap();
        assert_eq!(
            world.found("folder:top").await.unwrap().parent,
            Some(name(&above))
        );
    }

    #[tokio::test]
    async fn a_parent_is_set_by_callers_that_may_edit_it() {
        let world = world().await;
        world.grant(&subject(3), &["project.edit"], on("project:p")).await;
        for parent in ["folder:outer", "folder:none"] {
            assert!(
                is_denied(&world.run(3, below("project:p", parent)).await),
                "{parent}"
            );
            assert!(is_denied(&world.preview(3, below("project:p", parent)).await));
        }
        // The present parent may be named by callers that may edit the resource alone.
        world.run(3, below("project:p", "folder:inner")).await.unwrap();
        world
            .grant(&subject(3), &["folder.edit"], on("folder:outer"))
            .await;
        world.run(3, below("project:p", "folder:outer")).await.unwrap();
    }

    #[tokio::test]
    async fn a_parent_gives_others_nothing_that_the_caller_does_not_hold_on_the_resource() {
        let world = world().await;
        let given = ["project.approve_distribution"];
        world.grant(&subject(3), &given, on("folder:outer")).await;
        assert!(is_denied(&world.run(1, below("project:p", "folder:outer")).await));
        world.grant(&subject(1), &given, on("project:p")).await;
        world.run(1, below("project:p", "folder:outer")).await.unwrap();
        world.run(2, below("folder:inner", "folder:outer")).await.unwrap();
    }

    #[tokio::test]
    async fn a_key_changes_what_it_names_and_gives_nothing_that_its_maker_could() {
        let world = world().await;
        let by_key = async |permissions: &[&str], update: Update| {
            let scope = KeyScope {
                key: ApiKeyId::generate(&*world.ports.ids),
                account: account_id(),
                place: account(),
                permissions: permissions.iter().map(|one| one.parse().unwrap()).collect(),
                networks: Vec::new(),
            };
            let caller = witness::key(user(2), scope);
            let on = bailiwick_types::Target::resource(account_id(), "project:p");
            let by = witness::authorized(&caller, &on, false);
            operation::run(&world.ports, &by, update).await.map(Done::output)
        };
        let both = ["project.edit", "folder.edit"];
        assert!(is_denied(
            &by_key(&both[..1], below("project:p", "folder:outer")).await
        ));
        by_key(&both, below("project:p", "folder:outer")).await.unwrap();
        by_key(&both, below("project:p", "folder:inner")).await.unwrap();
        let given = ["project.approve_distribution"];
        world.grant(&subject(3), &given, on("folder:outer")).await;
        assert!(is_denied(
            &by_key(&both, below("project:p", "folder:outer")).await
        ));
        world.run(2, below("project:p", "folder:outer")).await.unwrap();
    }

    #[tokio::test]
    async fn a_parent_gives_nothing_on_what_is_below_the_resource_either() {
        let world = world().await;
        // Publishing is asked on pages, not on folders.
        world
            .grant(&subject(3), &["page.publish"], on("folder:outer"))
            .await;
        world.run(1, below("folder:inner", "folder:outer")).await.unwrap();
        let apart = Update {
            parent: Some(None),
            ..update("folder:inner")
        };
        world.run(1, apart).await.unwrap();
        world.resource("page:a", &account(), Some("folder:inner")).await;
        assert!(is_denied(
            &world.run(1, below("folder:inner", "folder:outer")).await
        ));
        world.run(2, below("folder:inner", "folder:outer")).await.unwrap();
    }

    #[tokio::test]
    async fn a_parent_gives_the_caller_nothing_not_even_the_operator() {
        let world = world().await;
        let given = ["project.approve_distribution"];
        world.grant(&subject(1), &given, on("folder:outer")).await;
        assert!(is_denied(
            &world.run(1, below("folder:inner", "folder:outer")).await
        ));
        world.member(999, "").await;
        world.grant(&subject(999), &given, on("folder:outer")).await;
        let refused = world.operate(below("project:p", "folder:outer")).await;
        assert!(is_denied(&refused));
        world.grant(&subject(3), &given, on("folder:inner")).await;
        world.resource("project:q", &account(), None).await;
        world.operate(below("project:q", "folder:inner")).await.unwrap();
    }
}
