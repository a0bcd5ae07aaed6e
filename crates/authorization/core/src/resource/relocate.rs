//! Moves a resource to another scope of its account, with everything below it that lies in the same scope.

use std::collections::BTreeSet;

use bailiwick_types::method::authorization::MoveResource;

use super::{
    Name, Resource,
    reach::{allows_on, load, may_relocate, own_standing, unexpired},
    tree::with_all_below,
};
use crate::grant::{About, AppliesTo, Filter, Grant, anew::Anew, giving::rewrite};
use crate::prelude::*;
use crate::preview;

/// The most resources that move together.
pub const MOST: usize = 1_000;

/// What is asked. Each resource that moves needs `TYPE.edit` on it and `TYPE.create` at the target. The
/// caller must hold on it what is granted around the target, and must have no more on it afterwards.
///
/// What moves counts as registered at the move, so that grants on existing resources of a type at the target
/// do not reach it. Such grants on a scope around both the old and the new place keep their effect: they are
/// written out on each resource that they cover. Where that would reach more, the move is refused.
#[derive(Debug, Clone)]
pub struct Move {
    /// Type and id.
    pub name: Name,
    /// The new scope.
    pub scope: Scope,
}

/// What moves.
#[derive(Debug)]
pub struct Moving {
    first: Resource,
    /// Those below the first that lie in the same scope.
    below: Vec<Resource>,
}

impl Moving {
    fn all(&self) -> impl Iterator<Item = &Resource> {
        std::iter::once(&self.first).chain(&self.below)
    }
}

#[async_trait]
impl Operation for Move {
    type Method = MoveResource;
    type Output = Resource;
    type Plan = Moving;

    async fn permit(&self, work: &mut Work) -> Result<Moving, Error> {
        let Some(first) = work.unit.resource(&self.name).await? else {
            if work.actor.is_operator() {
                return Err(Refused::NotFound("resource").into());
            }
            return Err(Refused::Denied.into());
        };
        work.look_at([&first.scope, &self.scope]).await?;
        let below = below_in_scope(work, &first).await?;
        let moving = Moving { first, below };
        if !self.may_move(work, &moving).await? {
            return Err(Refused::Denied.into());
        }
        if moving.below.len() >= MOST {
            return Err(Error::Precondition(Precondition::MoveTooLarge(MOST)));
        }
        Ok(moving)
    }

    async fn points(&self, moving: &Moving, work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        // What lies elsewhere does not move, but a grant that is written out on a resource reaches everything
        // below it.
        let names = with_all_below(&*work.unit, &self.name).await?;
        let scopes = [&moving.first.scope, &self.scope];
        points.add_resources(work, &names, &scopes, &[]).await
    }

    async fn apply(self, moving: Moving, work: &mut Work) -> Result<Resource, Error> {
        let from = moving.first.scope.clone();
        work.ensure_active(&self.scope)?;
        work.ensure_active(&from)?;
        if from == self.scope {
            return Ok(moving.first);
        }
        self.write_out(work, &moving).await?;
        let first = self.put(work, moving.first).await?;
        for resource in moving.below {
            self.put(work, resource).await?;
        }
        Ok(first)
    }
}

impl Move {
    async fn may_move(&self, work: &Work, moving: &Moving) -> Result<bool, StoreError> {
        let own = own_standing(work).await?;
        let revision = work.revision()?;
        let mut aims = Vec::with_capacity(moving.below.len() + 1);
        for resource in moving.all() {
            let aim = load(work, &resource.name).await?;
            let there = aim.moved(&self.scope, revision).alone();
            if !allows_on(work, &own, &aim, &format!("{}.edit", resource.name.of))
                || !allows_on(work, &own, &there, &format!("{}.create", resource.name.of))
            {
                return Ok(false);
            }
            aims.push(aim);
        }
        let from = &moving.first.scope;
        Ok(*from == self.scope || may_relocate(work, &own, aims, (from, &self.scope)).await?)
    }

    /// Writes the grants on existing resources of a type, given around both scopes, out on the resources that
    /// they cover.
    async fn write_out(&self, work: &mut Work, moving: &Moving) -> Result<(), Error> {
        let mut around_both = work.situation.path(&moving.first.scope);
        let around_target = work.situation.path(&self.scope);
        around_both.retain(|scope| around_target.contains(scope));
        let mut covering = Vec::new();
        for scope in around_both {
            let filter = Filter {
                scope: Some(scope),
                ..Filter::default()
            };
            let mut around = unexpired(work, &filter).await?;
            around.retain(|grant| is_on_existing(grant) && moving.all().any(|one| grant.covers(one)));
            covering.append(&mut around);
        }
        if covering.is_empty() {
            return Ok(());
        }
        let others = self.others_below(work, moving).await?;
        let anew = Anew {
            product: work.situation.policy.product(),
            resources: moving.all().collect(),
            others: others.as_ref().map(|others| others.iter().collect()),
        };
        let mut written = Vec::new();
        for grant in covering {
            let on_them = anew.written_out(&grant, &*work.ids);
            written.extend(on_them.ok_or_else(|| grant.refused_in_part())?);
        }
        for grant in written {
            if let About::Resource(name) = &grant.about {
                let target = name.to_string();
                rewrite(work, &grant, target).await?;
            }
        }
        Ok(())
    }

    /// What lies below the resources that move and does not move along; none where it is too much to look at.
    async fn others_below(&self, work: &Work, moving: &Moving) -> Result<Option<Vec<Resource>>, StoreError> {
        let names = with_all_below(&*work.unit, &self.name).await?;
        if names.len() > preview::MOST {
            return Ok(None);
        }
        let moves: BTreeSet<&Name> = moving.all().map(|one| &one.name).collect();
        let mut others = Vec::new();
        for name in names.iter().filter(|name| !moves.contains(name)) {
            others.extend(work.unit.resource(name).await?);
        }
        Ok(Some(others))
    }

    async fn put(&self, work: &mut Work, mut resource: Resource) -> Result<Resource, StoreError> {
        let before = resource.clone();
        let from = std::mem::replace(&mut resource.scope, self.scope.clone());
        resource.revision = work.revision()?;
        resource.updated_at = work.now;
        work.put_resource(Some(before), &resource).await?;
        let entry = work.entry(&resource.name).with("from", from);
        work.emit(entry.with("to", &resource.scope));
        Ok(resource)
    }
}

fn is_on_existing(grant: &Grant) -> bool {
    matches!(
        grant.about,
        About::Type {
            applies_to: AppliesTo::Existing,
            ..
        }
    )
}

/// Everything below a resource that lies in its scope. The walk stops once it is too much for one move.
async fn below_in_scope(work: &Work, first: &Resource) -> Result<Vec<Resource>, StoreError> {
    let mut seen = BTreeSet::from([first.name.clone()]);
    let mut below: Vec<Resource> = Vec::new();
    let mut next = Some(first.name.clone());
    let mut done = 0;
    while let Some(name) = next {
        let limit = MOST as u64 + 1;
        for child in work.unit.children(&name, Some(&first.scope), limit).await? {
            if seen.insert(child.name.clone()) {
                below.push(child);
            }
        }
        if below.len() >= MOST {
            break;
        }
        next = below.get(done).map(|resource| resource.name.clone());
        done += 1;
    }
    Ok(below)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_policy::PlaceState;
    use bailiwick_types::{GrantId, Subject, WorkspaceId};

    use super::*;
    use crate::{
        grant::Reader as _,
        memory::{World, account, name, subject, workspace},
        resource::Writer,
    };

    fn to(text: &str, scope: Scope) -> Move {
        Move {
            name: name(text),
            scope,
        }
    }

    fn projects(scope: Scope, applies_to: AppliesTo) -> About {
        About::Type {
            of: "project".to_owned(),
            scope,
            applies_to,
        }
    }

    fn pages() -> About {
        About::Type {
            of: "page".to_owned(),
            scope: account(),
            applies_to: AppliesTo::Existing,
        }
    }

    fn is_denied<T>(result: &Result<T, Error>) -> bool {
        matches!(result, Err(Error::Refused(Refused::Denied)))
    }

    /// `folder:f` in the account, with `project:p` below it there and `project:w` below it in the workspace.
    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "editor").await;
        world.member(2, "admin").await;
        world.member(3, "").await;
        world.resource("folder:f", &account(), None).await;
        world.resource("project:p", &account(), Some("folder:f")).await;
        world.resource("project:w", &workspace(), Some("folder:f")).await;
        world
    }

    #[tokio::test]
    async fn what_is_below_in_the_same_scope_moves_along() {
        let world = world().await;
        let before = world.found("project:w").await;
        let moved = world.run(1, to("folder:f", workspace())).await.unwrap();
        assert_eq!(
            (moved.name.to_string(), &moved.scope),
            ("folder:f".to_owned(), &workspace())
        );
        let child = world.found("project:p").await.unwrap();
        assert_eq!((&child.scope, child.revision), (&workspace(), moved.revision));
        assert_eq!(world.found("project:w").await, before);
        let details = [("from", account()), ("to", workspace())];
        let details = details.map(|(key, scope)| (key.to_owned(), scope.to_string()));
        assert_eq!(world.audited(), ("project:p".to_owned(), details.to_vec()));
        let told = world.told().len();
        world.run(1, to("folder:f", workspace())).await.unwrap();
        assert_eq!(world.told().len(), told);
    }

    #[tokio::test]
    async fn what_lies_elsewhere_hides_nothing_that_moves_along() {
        let world = world().await;
        let elsewhere = world.found("project:w").await.unwrap();
        world
            .put(async |write| {
                for n in 0..=MOST {
                    let other = Resource {
                        name: name(&format!("project:a{n}")),
                        ..elsewhere.clone()
                    };
                    write.put_resource(&other).await?;
                }
                Ok(())
            })
            .await;
        world.run(1, to("folder:f", workspace())).await.unwrap();
        assert_eq!(world.found("project:p").await.unwrap().scope, workspace());
    }

    #[tokio::test]
    async fn a_preview_tells_who_would_gain_access_and_writes_nothing() {
        let world = world().await;
        world.bind(&subject(3), "viewer", &workspace()).await;
        let effects = world.preview(1, to("folder:f", workspace())).await.unwrap();
        let gained: Vec<_> = effects
            .iter()
            .filter(|effect| effect.subject == subject(3))
            .map(|effect| (effect.on.to_string(), effect.gains.join(",")))
            .collect();
        let expected = [
            ("folder:f", "folder.view,project.view"),
            ("project:p", "project.view"),
        ];
        assert_eq!(
            gained,
            expected.map(|(on, gains)| (on.to_owned(), gains.to_owned()))
        );
        assert_eq!(world.found("folder:f").await.unwrap().scope, account());
    }

    #[tokio::test]
    async fn an_unknown_resource_is_told_to_the_operator_alone() {
        let world = world().await;
        assert!(is_denied(&world.run(2, to("folder:none", workspace())).await));
        let refused = world.operate(to("folder:none", workspace())).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("resource")))
        ));
    }

    #[tokio::test]
    async fn everything_that_moves_is_editable_and_may_be_created_at_the_target() {
        let world = world().await;
        world.bind(&subject(3), "editor", &workspace()).await;
        assert!(is_denied(&world.run(3, to("project:w", account())).await));
        assert!(is_denied(&world.preview(3, to("project:w", account())).await));
        world.member(4, "").await;
        for permission in ["folder.*", "project.create"] {
            let about = About::Scope(account());
            world.grant(&subject(4), &[permission], about).await;
            let refused = world.run(4, to("folder:f", workspace())).await;
            assert!(is_denied(&refused), "{permission}");
        }
        let about = About::Scope(account());
        world.grant(&subject(4), &["project.edit"], about).await;
        world.run(4, to("folder:f", workspace())).await.unwrap();
    }

    #[tokio::test]
    async fn a_move_gives_others_nothing_that_the_caller_does_not_hold_on_the_resource() {
        for about in [
            About::Scope(workspace()),
            projects(workspace(), AppliesTo::All),
            projects(account(), AppliesTo::Future),
        ] {
            let world = world().await;
            let given = ["project.approve_distribution"];
            world.grant(&subject(3), &given, about.clone()).await;
            let refused = world.run(1, to("folder:f", workspace())).await;
            assert!(is_denied(&refused), "{about:?}");
            world.run(2, to("folder:f", workspace())).await.unwrap();
        }
        // What moves counts as registered at the move, so that this does not reach it.
        let world = world().await;
        let existing = projects(workspace(), AppliesTo::Existing);
        world
            .grant(&subject(3), &["project.approve_distribution"], existing)
            .await;
        world.run(1, to("folder:f", workspace())).await.unwrap();
    }

    #[tokio::test]
    async fn a_move_gives_the_caller_nothing_not_even_the_operator() {
        let world = world().await;
        world.member(999, "").await;
        for n in [1, 999] {
            world.bind(&subject(n), "owner", &workspace()).await;
        }
        assert!(is_denied(&world.run(1, to("folder:f", workspace())).await));
        assert!(is_denied(&world.operate(to("folder:f", workspace())).await));
    }

    #[tokio::test]
    async fn grants_on_existing_resources_around_both_scopes_are_written_out() {
        let world = world().await;
        world.resource("page:p", &account(), Some("folder:f")).await;
        let grant = world.grant(&subject(3), &["page.view"], pages()).await;
        let over = Grant {
            id: GrantId::generate(&*world.ports.ids),
            subject: subject(4),
            expires_at: Some(world.now()),
            ..grant
        };
        world
            .put(async |write| crate::grant::Writer::put_grant(write, &over).await)
            .await;
        world.clock.advance(Duration::from_secs(1));
        world.run(2, to("folder:f", workspace())).await.unwrap();
        let grants = async |of: Subject| world.read().grants(&Filter::of(&of), None, 9).await.unwrap();
        let about: Vec<About> = grants(subject(3))
            .await
            .into_iter()
            .map(|grant| grant.about)
            .collect();
        assert_eq!(about.len(), 2);
        assert!(about.contains(&About::Resource(name("page:p"))), "{about:?}");
        assert_eq!(grants(subject(4)).await.len(), 1);
    }

    #[tokio::test]
    async fn a_grant_on_existing_resources_that_would_reach_more_when_written_out_refuses_the_move() {
        // It covers folders, and would give projects below them too.
        let world = world().await;
        let folders = About::Type {
            of: "folder".to_owned(),
            scope: account(),
            applies_to: AppliesTo::Existing,
        };
        world.grant(&subject(3), &["project.view"], folders).await;
        let refused = world.run(1, to("folder:f", workspace())).await;
        let named = "folder".to_owned();
        assert!(
            matches!(&refused, Err(Error::Precondition(Precondition::GrantInPart { of })) if *of == named),
            "{refused:?}"
        );
        assert_eq!(world.found("folder:f").await.unwrap().scope, account());
        // It covers a page, and would give one below that which is newer than it.
        for scope in [account(), workspace()] {
            let world = self::world().await;
            world.resource("page:p", &account(), None).await;
            world.grant(&subject(3), &["page.view"], pages()).await;
            world.resource("page:new", &scope, Some("page:p")).await;
            let refused = world.run(2, to("page:p", workspace())).await;
            assert!(
                matches!(
                    refused,
                    Err(Error::Precondition(Precondition::GrantInPart { .. }))
                ),
                "{refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn both_scopes_are_known_and_active() {
        let world = world().await;
        let unknown = Scope::Workspace(WorkspaceId::from_uuid(uuid::Uuid::from_u128(9)));
        let refused = world.operate(to("folder:f", unknown)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
        world.workspace_is(PlaceState::Suspended).await;
        for (text, scope) in [("folder:f", workspace()), ("project:w", account())] {
            let refused = world.operate(to(text, scope)).await;
            assert!(matches!(
                refused,
                Err(Error::Precondition(Precondition::NotActive { .. }))
            ));
        }
    }

    #[tokio::test]
    async fn too_many_resources_do_not_move_together_and_only_callers_with_the_right_learn_that() {
        let world = world().await;
        let child = world.found("project:p").await.unwrap();
        world
            .put(async |write| {
                for n in 1..MOST {
                    let name = name(&format!("project:n{n}"));
                    write
                        .put_resource(&Resource {
                            name,
                            ..child.clone()
                        })
                        .await?;
                }
                Ok(())
            })
            .await;
        assert!(is_denied(&world.run(3, to("folder:f", workspace())).await));
        let refused = world.run(1, to("folder:f", workspace())).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::MoveTooLarge(MOST)))
        ));
    }
}
