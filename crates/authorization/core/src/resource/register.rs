//! Registers a resource, so that decisions can be about it.

use bailiwick_policy::{PlaceId, StoredResource};
use bailiwick_types::method::authorization::RegisterResource;
use serde_json::{Map, Value as Json};

use super::{
    Name, Resource, check, edits,
    reach::{allows_on, load, own_standing},
    tree::check_parent,
};
use crate::Aim;
use crate::prelude::*;

/// Who owns a new resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The caller, where it is a user.
    Caller,
    /// Nobody.
    Nobody,
    /// This subject.
    Is(Subject),
}

/// What is asked. The guard has asked for `TYPE.create` in the scope, on the resource as it would be; below
/// a parent it is asked on the parent too. Naming another owner than the caller needs `resource.transfer`,
/// and each attribute the verb that the manifest names for it.
#[derive(Debug, Clone)]
pub struct Register {
    /// Type and id.
    pub name: Name,
    /// Where it lives.
    pub scope: Scope,
    /// Who owns it.
    pub owner: Owner,
    /// The resource above it.
    pub parent: Option<Name>,
    /// Its title.
    pub title: String,
    /// Its attributes; null stands for one that is missing.
    pub attributes: Map<String, Json>,
}

#[async_trait]
impl Operation for Register {
    type Method = RegisterResource;
    type Output = Resource;
    type Plan = ();

    fn scopes(&self) -> Vec<Scope> {
        vec![self.scope.clone()]
    }

    async fn permit(&self, work: &mut Work) -> Result<(), Error> {
        self.fit(work)?;
        if let Some(parent) = &self.parent
            && !self.may_create_below(work, parent).await?
        {
            return Err(Refused::Denied.into());
        }
        // The resource of another is in its quota, and gives it what owners have.
        if matches!(&self.owner, Owner::Is(owner) if *owner != work.actor.subject) {
            // A key gives nothing.
            if work.actor.key.is_some() {
                return Err(Refused::Denied.into());
            }
            work.require("resource.transfer", &self.scope)?;
        }
        for verb in edits(
            work.situation.policy.product(),
            &self.name.of,
            self.attributes
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, _)| name),
        ) {
            work.require(&verb, &self.scope)?;
        }
        Ok(())
    }

    async fn points(&self, (): &(), work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        let above: Vec<&Name> = self.parent.iter().collect();
        let names = std::slice::from_ref(&self.name);
        points.add_resources(work, names, &[&self.scope], &above).await
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<Resource, Error> {
        work.ensure_active(&self.scope)?;
        if let Some(parent) = &self.parent {
            check_parent(&*work.unit, &self.name, parent).await?;
        }
        if work.unit.resource(&self.name).await?.is_some() {
            return Err(Error::Precondition(Precondition::ResourceExists));
        }
        let owner = self.owned_by(work);
        if let Some(owner) = &owner {
            work.ensure_quota(owner, &self.name.of).await?;
        }
        let resource = Resource {
            account: work.account(),
            name: self.name,
            scope: self.scope,
            owner,
            parent: self.parent,
            title: self.title,
            attributes: present(self.attributes),
            revision: work.revision()?,
            created_at: work.now,
            updated_at: work.now,
        };
        work.put_resource(None, &resource).await?;
        work.emit(work.entry(&resource.name).with("scope", &resource.scope));
        Ok(resource)
    }
}

/// The attributes that have a value.
fn present(mut attributes: Map<String, Json>) -> Map<String, Json> {
    attributes.retain(|_, value| !value.is_null());
    attributes
}

impl Register {
    fn fit(&self, work: &Work) -> Result<(), Violations> {
        let product = work.situation.policy.product();
        let of = product
            .type_no(&self.name.of)
            .and_then(|no| product.type_info(no));
        let Some(of) = of.filter(|of| !of.suite) else {
            return Err(Violations::of("resource", "must name a type of the product"));
        };
        let mut faults = Violations::new();
        if !of.registered {
            faults.add("resource", "must be of a type whose resources are registered");
        }
        check(
            product,
            &self.name,
            self.parent.as_ref(),
            &self.attributes,
            &mut faults,
        );
        faults.check()
    }

    /// The row that it would have in a scope.
    fn stored(&self, work: &Work, scope: &Scope) -> Result<StoredResource, StoreError> {
        Ok(StoredResource {
            type_name: self.name.of.clone(),
            id: self.name.id.clone(),
            place: PlaceId::from(scope),
            owner: self.owned_by(work),
            parent: self
                .parent
                .as_ref()
                .map(|parent| (parent.of.clone(), parent.id.clone())),
            attributes: self.attributes.clone(),
            registered: work.revision()?,
        })
    }

    fn owned_by(&self, work: &Work) -> Option<Subject> {
        match &self.owner {
            Owner::Is(subject) => Some(subject.clone()),
            Owner::Nobody => None,
            Owner::Caller => Some(work.actor.subject.clone()).filter(|subject| subject.kind() == "user"),
        }
    }

    /// Asks for `TYPE.create` on the parent, where the manifest lets it be asked on resources of the parent's
    /// type.
    async fn may_create_below(&self, work: &mut Work, parent: &Name) -> Result<bool, StoreError> {
        let product = work.situation.policy.product();
        let create = format!("{}.create", self.name.of);
        let asked = product
            .permission_no(&create)
            .zip(product.type_no(&parent.of))
            .is_some_and(|(create, of)| product.may_be_asked_on(create, of));
        if !asked {
            return Ok(true);
        }
        let above = load(work, parent).await?;
        let scopes: Vec<Scope> = above.scope.iter().chain([&self.scope]).cloned().collect();
        work.look_at(&scopes).await?;
        let own = own_standing(work).await?;
        let product = work.situation.policy.product();
        // As if it lay where the parent does: conditions look at the resource, grants are found on the
        // parent.
        let proposed = match &above.scope {
            None => None,
            Some(scope) => Aim::proposed(product, self.stored(work, scope)?, scope, &above),
        };
        Ok(allows_on(
            work,
            &own,
            proposed.as_ref().unwrap_or(&above),
            &create,
        ))
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::{MAX_PARENTS, PlaceState};
    use bailiwick_types::{Fault, WorkspaceId};

    use super::*;
    use crate::{
        memory::{STUDIO, World, account, name, subject, workspace},
        resource::Writer,
    };

    fn register(text: &str, scope: Scope) -> Register {
        Register {
            name: name(text),
            scope,
            owner: Owner::Caller,
            parent: None,
            title: String::new(),
            attributes: Map::new(),
        }
    }

    #[tokio::test]
    async fn another_owner_and_guarded_attributes_need_rights_of_their_own() {
        let world = World::new().await;
        world.use_manifest(
            &crate::memory::STUDIO
                .replace("{secret: {type: bool}}", "{secret: {type: bool, edit: delete}}")
                .replace(
                    "  printer:",
                    "  maker: {levels: {account: {permissions: [page.create]}}}\n  printer:",
                ),
        );
        world.member(1, "maker").await;
        world.member(2, "owner").await;
        let of = |owner: Owner| Register {
            owner,
            ..register("page:a", account())
        };
        let secret = |text: &str| Register {
            attributes: [("secret".to_owned(), true.into())].into_iter().collect(),
            ..register(text, account())
        };
        let refused = world.run(1, of(Owner::Is(subject(2)))).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let refused = world.run(1, secret("page:s")).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        world.run(1, of(Owner::Is(subject(1)))).await.unwrap();
        world.run(2, secret("page:s")).await.unwrap();
        let given = Register {
            owner: Owner::Is(subject(1)),
            ..register("page:b", account())
        };
        world.run(2, given).await.unwrap();
    }

    fn below(text: &str, parent: &str, scope: Scope) -> Register {
        Register {
            parent: Some(name(parent)),
            ..register(text, scope)
        }
    }

    #[tokio::test]
    async fn a_resource_is_registered_once_and_the_calling_user_owns_it() {
        let world = World::new().await;
        world.member(1, "editor").await;
        let made = world.run(1, register("folder:f", account())).await.unwrap();
        assert_eq!(made.owner, Some(subject(1)));
        assert_eq!(world.found("folder:f").await, Some(made.clone()));
        let (target, details) = world.audited();
        assert_eq!(target, "folder:f");
        assert_eq!(details, [("scope".to_owned(), account().to_string())]);
        let child = below("project:p", "folder:f", workspace());
        assert!(world.run(1, child.clone()).await.unwrap().revision > made.revision);
        let refused = world.run(1, child).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::ResourceExists))
        ));
    }

    #[tokio::test]
    async fn an_attribute_that_is_null_is_missing() {
        let world = World::new().await;
        world.member(1, "editor").await;
        let register = Register {
            attributes: [("secret".to_owned(), Json::Null)].into_iter().collect(),
            ..register("page:p", workspace())
        };
        let made = world.run(1, register).await.unwrap();
        assert!(made.attributes.is_empty(), "{:?}", made.attributes);
    }

    #[tokio::test]
    async fn a_preview_tells_who_would_have_access_and_writes_nothing() {
        let world = World::new().await;
        world.member(1, "editor").await;
        world.member(2, "viewer").await;
        let effects = world
            .preview(1, register("project:p", workspace()))
            .await
            .unwrap();
        let viewer = effects.iter().find(|effect| effect.subject == subject(2));
        assert_eq!(viewer.unwrap().gains, ["project.view"]);
        assert!(world.found("project:p").await.is_none());
    }

    #[tokio::test]
    async fn what_does_not_fit_the_manifest_is_refused_with_all_violations() {
        let world = World::new().await;
        world.member(1, "admin").await;
        let attributes = [("pages".to_owned(), 3.into())].into_iter().collect();
        let wrong = [
            (register("rocket:r", account()), vec!["resource"]),
            (register("user:u", account()), vec!["resource"]),
            (register("note:n", account()), vec!["resource"]),
            (below("folder:f", "rocket:r", account()), vec!["parent"]),
            (below("folder:f", "folder:f", account()), vec!["parent"]),
            (
                Register {
                    attributes,
                    ..below("note:n", "rocket:r", account())
                },
                vec!["resource", "parent", "attributes"],
            ),
        ];
        for (register, expected) in wrong {
            let refused = world.run(1, register).await.unwrap_err();
            let fields = refused.violations().iter().map(|fault| &*fault.field);
            assert_eq!(fields.collect::<Vec<_>>(), expected);
        }
    }

    #[tokio::test]
    async fn creating_is_asked_on_the_parent_too() {
        let world = World::new().await;
        world.member(1, "").await;
        world.bind(&subject(1), "editor", &workspace()).await;
        world.member(2, "editor").await;
        world.resource("folder:top", &account(), None).await;
        world.resource("project:top", &account(), None).await;
        for parent in ["folder:top", "folder:none"] {
            for refused in [
                world.run(1, below("project:p", parent, workspace())).await.err(),
                world
                    .preview(1, below("project:p", parent, workspace()))
                    .await
                    .err(),
            ] {
                assert!(
                    matches!(refused, Some(Error::Refused(Refused::Denied))),
                    "{parent}"
                );
            }
        }
        let refused = world.run(2, below("project:p", "folder:none", workspace())).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("parent")))
        ));
        world
            .run(2, below("project:p", "folder:top", workspace()))
            .await
            .unwrap();
        // Creating folders is not asked on projects, so that the scope alone counts.
        world
            .run(1, below("folder:f", "project:top", workspace()))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_resource_has_no_more_above_it_than_decisions_go_through() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "").await;
        world.run(1, register("folder:0", account())).await.unwrap();
        for n in 1..=MAX_PARENTS {
            let next = below(&format!("folder:{n}"), &format!("folder:{}", n - 1), account());
            world.run(1, next).await.unwrap();
        }
        let last = format!("folder:{MAX_PARENTS}");
        let refused = world
            .run(1, below("folder:more", &last, account()))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("64"), "{refused}");
        assert!(matches!(
            refused,
            Error::Precondition(Precondition::ResourceTooDeep(MAX_PARENTS))
        ));
        // What is granted at the top reaches the deepest.
        let on_top = crate::grant::About::Resource(name("folder:0"));
        world.grant(&subject(2), &["folder.edit"], on_top).await;
        let title = crate::resource::update::Update {
            name: name(&last),
            title: Some("Deep".to_owned()),
            parent: None,
            attributes: Map::new(),
        };
        world.run(2, title).await.unwrap();
        let beside = below("folder:beside", "folder:1", account());
        let refused = world.run(2, beside).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn creating_below_a_parent_is_decided_on_the_resource_as_it_would_be() {
        let world = World::new().await;
        world.member(1, "keeper").await;
        let owned = "project.create, when: resource.owner == subject.id";
        world.use_manifest(&STUDIO.replace("project.delete, when: resource.owner == subject.id", owned));
        world.resource("folder:top", &account(), None).await;
        let own = below("project:a", "folder:top", account());
        world.run(1, own).await.unwrap();
        let of_nobody = Register {
            owner: Owner::Nobody,
            ..below("project:b", "folder:top", account())
        };
        let refused = world.run(1, of_nobody).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn a_scope_that_is_suspended_or_unknown_takes_no_resources() {
        let world = World::new().await;
        world.workspace_is(PlaceState::Suspended).await;
        let refused = world.operate(register("folder:f", workspace())).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
        let unknown = Scope::Workspace(WorkspaceId::from_uuid(uuid::Uuid::from_u128(9)));
        let refused = world.operate(register("folder:f", unknown)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
    }

    #[tokio::test]
    async fn an_owner_gets_no_more_than_its_quota() {
        let world = World::new().await;
        world.member(1, "editor").await;
        world
            .put(async |write| write.put_quota(&subject(1), "project", Some(1)).await)
            .await;
        world.run(1, register("project:a", account())).await.unwrap();
        let refused = world.run(1, register("project:b", account())).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::QuotaExhausted(1)))
        ));
        world.member(2, "admin").await;
        for (by, owner) in [(1, Owner::Nobody), (2, Owner::Is(subject(3)))] {
            let other = Register {
                owner: owner.clone(),
                ..register(&format!("project:{}", owner == Owner::Nobody), account())
            };
            world.run(by, other).await.unwrap();
        }
        world.run(1, register("folder:f", account())).await.unwrap();
    }
}
