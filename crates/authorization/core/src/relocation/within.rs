//! A move inside of an account: what is on the workspace stays, what is inherited changes.

use bailiwick_policy::PlaceState;
use bailiwick_types::{IdGen, ScopeRoot};

use super::{
    MOST, Relocation, arriving,
    leaving::{self, Leaving},
};
use crate::prelude::*;
use crate::{
    Limits, Read, Write,
    account::Place,
    grant::{About, AppliesTo, Grant},
    limit::{self, Counted},
};

/// The grants that a move inside of an account changes.
#[derive(Default)]
pub(super) struct Grants {
    /// Those that are new, and those that go on in another way.
    written: Vec<Grant>,
    /// Those on the workspace that cover nothing any more.
    ended: Vec<Grant>,
}

impl Grants {
    /// Asks for the right, and whether the mover could give what comes to reach the workspace; then works the
    /// grants out.
    pub(super) async fn look(
        read: &(impl Read + ?Sized),
        of: &Relocation,
        leaving: &Leaving,
        tool: (u64, &dyn IdGen, Timestamp),
    ) -> Result<Self, Error> {
        arriving::permit(read, of, tool.2).await?;
        let grants = Self::work_out(read, of, leaving, tool).await?;
        if grants.written.len() > MOST {
            return Err(Precondition::WorkspaceTooLarge(MOST).into());
        }
        Ok(grants)
    }

    /// Works the grants out. A move that no caller requested is never refused, and a grant that cannot be
    /// kept ends.
    pub(super) async fn work_out(
        read: &(impl Read + ?Sized),
        of: &Relocation,
        leaving: &Leaving,
        (revision, ids, now): (u64, &dyn IdGen, Timestamp),
    ) -> Result<Self, Error> {
        let types = leaving.types();
        let from = leaving.situation.path(&leaving.place.parent);
        let anew = leaving.anew(read.linked_across(&of.scope, 1).await?.is_empty());
        let mut grants = Self::default();
        for scope in leaving.situation.path(&of.parent) {
            let is_around_both = from.contains(&scope);
            for grant in leaving::grants(read, &scope).await? {
                let is_new = leaving::reaches(&grant, &types, now)
                    && (!is_around_both || reaches_more(leaving, &grant));
                if is_new && leaving.is_asked() && !leaving.may_give(of, &grant, now) {
                    return Err(Refused::Denied.into());
                }
                if is_around_both && grant.reach().is_some() && grant.lasts(now) {
                    let kept = leaving.keep(&anew, &grant, (revision, ids))?;
                    grants.written.extend(kept);
                }
            }
        }
        for grant in leaving.grants.iter().filter(|grant| grant.lasts(now)) {
            let kept = leaving.keep(&anew, grant, (revision, ids))?;
            if kept.iter().all(|one| one.id != grant.id) {
                grants.ended.push(grant.clone());
            }
            let changed = |one: &Grant| one.reach() != grant.reach() || one.about != grant.about;
            grants.written.extend(kept.into_iter().filter(changed));
        }
        Ok(grants)
    }

    /// Writes the move. The workspace is left active: who closes it is the driver.
    pub(super) async fn apply(
        &self,
        write: &mut (impl Write + ?Sized),
        of: &Relocation,
        leaving: &Leaving,
        (revision, now): (u64, Timestamp),
    ) -> Result<Place, Error> {
        let root = ScopeRoot::Account(of.account);
        let place = Place {
            parent: of.parent.clone(),
            state: PlaceState::Active,
            ..leaving.place.clone()
        };
        write.put_place(&place).await?;
        for grant in &self.ended {
            write.remove_grant(grant).await?;
            write.emit(root.clone(), Change::of_subject(&grant.subject));
        }
        write.put_grants(&self.written).await?;
        for grant in &self.written {
            write.emit(root.clone(), Change::of_subject(&grant.subject));
        }
        write.register_anew(&of.scope, revision, now).await?;
        for resource in &leaving.resources {
            write.emit(root.clone(), Change::of_resource(&resource.name));
        }
        Ok(place)
    }

    /// Refuses more grants than the account may have.
    pub(super) async fn check_limits(
        &self,
        read: &(impl Read + ?Sized),
        limits: &Limits,
    ) -> Result<(), Error> {
        if self.written.is_empty() {
            return Ok(());
        }
        limit::check_counted(read, limits, &[Counted::Grants]).await
    }
}

/// Whether a grant on future resources, around both scopes, comes to reach one that it did not reach.
fn reaches_more(leaving: &Leaving, grant: &Grant) -> bool {
    let is_on_future = matches!(
        grant.about,
        About::Type {
            applies_to: AppliesTo::Future,
            ..
        }
    );
    let mut of_type = leaving.resources.iter().filter(|one| grant.is_on_type_of(one));
    is_on_future && of_type.any(|one| !grant.covers(one))
}

#[cfg(test)]
mod tests {
    use bailiwick_testkit::witness::system;
    use bailiwick_types::{InstanceId, Level, SourceVersion};
    use uuid::Uuid;

    use super::*;
    use crate::{
        account::{Reader as _, Writer as _},
        grant::{Filter, Reader as _, Writer as _},
        memory::{World, account, account_id, name, subject, version, workspace},
        relocation::{Mover, relocate_unasked},
    };

    fn instance() -> Scope {
        Scope::Instance(InstanceId::from_uuid(Uuid::from_u128(3)))
    }

    fn types(of: &str, scope: Scope, applies_to: AppliesTo) -> About {
        About::Type {
            of: of.to_owned(),
            scope,
            applies_to,
        }
    }

    /// A workspace and an instance in an account with an admin and a member.
    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(3, "").await;
        let places = world.read().places(&[workspace().uuid().unwrap()]).await.unwrap();
        let place = Place {
            scope: instance(),
            parent: account(),
            ..places[0].clone()
        };
        assert_eq!(place.scope.level(), Level::Instance);
        world.put(async |write| write.put_place(&place).await).await;
        world
    }

    async fn to_instance(world: &World, by: u128, is_operator: bool) -> Result<(), Error> {
        let of = Relocation {
            account: account_id(),
            scope: workspace(),
            target: account_id(),
            parent: instance(),
            version: SourceVersion::new(version(2).epoch(), 2),
            mover: Some(Mover {
                subject: subject(by),
                operator: is_operator,
                target_operator: is_operator,
            }),
        };
        relocate_unasked(&world.ports, &system(), of).await.map(drop)
    }

    async fn grants_of(world: &World, n: u128) -> Vec<Grant> {
        let filter = Filter::of(&subject(n));
        world.read().grants(&filter, None, 99).await.unwrap()
    }

    #[tokio::test]
    async fn a_grant_that_covers_all_resources_of_a_type_covers_exactly_these_afterwards() {
        for scope in [account(), workspace()] {
            let world = world().await;
            world.resource("folder:f", &workspace(), None).await;
            // A grant on a resource would give projects below the folder too.
            let about = types("folder", scope.clone(), AppliesTo::Existing);
            world.grant(&subject(3), &["project.view"], about).await;
            to_instance(&world, 1, false).await.unwrap();
            let folder = world.found("folder:f").await.unwrap();
            let kept = grants_of(&world, 3).await;
            let on_workspace = types("folder", workspace(), AppliesTo::Existing);
            let here: Vec<&Grant> = kept.iter().filter(|one| one.about == on_workspace).collect();
            assert_eq!((here.len(), here[0].revision), (1, folder.revision), "{scope}");
            assert!(kept.iter().all(|one| one.reach().is_some()), "{kept:?}");
        }
    }

    #[tokio::test]
    async fn a_grant_on_future_resources_covers_those_that_it_covered_and_later_ones() {
        let world = world().await;
        let about = types("folder", workspace(), AppliesTo::Future);
        world.grant(&subject(3), &["project.view"], about).await;
        world.resource("folder:f", &workspace(), None).await;
        to_instance(&world, 1, false).await.unwrap();
        let folder = world.found("folder:f").await.unwrap();
        let kept = grants_of(&world, 3).await;
        assert_eq!((kept.len(), kept[0].covers(&folder)), (1, true));
    }

    #[tokio::test]
    async fn a_grant_that_covers_a_part_is_written_out_where_that_reaches_nothing_more() {
        let world = world().await;
        world.resource("page:p", &workspace(), None).await;
        let about = types("page", workspace(), AppliesTo::Existing);
        world.grant(&subject(3), &["page.view"], about).await;
        world.resource("page:q", &workspace(), None).await;
        to_instance(&world, 1, false).await.unwrap();
        let kept: Vec<About> = grants_of(&world, 3)
            .await
            .into_iter()
            .map(|one| one.about)
            .collect();
        assert_eq!(kept, [About::Resource(name("page:p"))]);
    }

    #[tokio::test]
    async fn a_grant_that_covers_a_part_and_would_reach_more_refuses_the_move() {
        for (of, given, below) in [
            // It is asked on projects below folders too.
            ("folder", "project.view", None),
            // A page that is not covered lies below one that is.
            ("page", "page.view", Some("page:a")),
        ] {
            for (scope, applies_to) in [
                (workspace(), AppliesTo::Existing),
                (account(), AppliesTo::Existing),
                (workspace(), AppliesTo::Future),
            ] {
                let is_existing = applies_to == AppliesTo::Existing;
                let (covered, other) = (format!("{of}:a"), format!("{of}:b"));
                let world = world().await;
                let first = if is_existing { &covered } else { &other };
                world.resource(first, &workspace(), None).await;
                let grant = world
                    .grant(&subject(3), &[given], types(of, scope, applies_to))
                    .await;
                let second = if is_existing { &other } else { &covered };
                world.resource(second, &workspace(), None).await;
                if let Some(above) = below {
                    let mut one = world.found(&other).await.unwrap();
                    one.parent = Some(name(above));
                    world
                        .put(async |write| crate::resource::Writer::put_resource(write, &one).await)
                        .await;
                }
                let refused = to_instance(&world, 1, false).await;
                assert!(
                    matches!(
                        refused,
                        Err(Error::Precondition(Precondition::GrantInPart { .. }))
                    ),
                    "{of} {applies_to:?} {refused:?}"
                );
                assert_eq!(grants_of(&world, 3).await, [grant]);
            }
        }
    }

    #[tokio::test]
    async fn every_grant_around_the_target_is_asked_for_however_many_there_are() {
        let world = world().await;
        world.member(4, "").await;
        let move_it = About::Scope(workspace());
        world.grant(&subject(4), &["workspace.move"], move_it).await;
        let create = About::Scope(instance());
        world.grant(&subject(4), &["workspace.create"], create).await;
        let of_none = types("note", instance(), AppliesTo::All);
        let one = world.grant(&subject(3), &["project.view"], of_none).await;
        world
            .put(async |write| {
                for n in 0..MOST as u128 + 1_500 {
                    let mut other = one.clone();
                    other.id = bailiwick_types::GrantId::from_uuid(Uuid::from_u128(n));
                    write.put_grant(&other).await?;
                }
                let mut last = one.clone();
                last.id = bailiwick_types::GrantId::from_uuid(Uuid::from_u128(u128::MAX));
                last.about = About::Scope(instance());
                write.put_grant(&last).await
            })
            .await;
        let refused = to_instance(&world, 4, false).await;
        assert!(
            matches!(refused, Err(Error::Refused(Refused::Denied))),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn an_operator_lets_others_have_what_its_role_does_not_have_and_itself_nothing() {
        for (n, is_denied) in [(3, false), (999, true)] {
            let world = world().await;
            world.member(999, "").await;
            world.resource("project:p", &workspace(), None).await;
            let about = About::Scope(instance());
            world.grant(&subject(n), &["project.view"], about).await;
            let moved = to_instance(&world, 999, true).await;
            assert_eq!(
                matches!(moved, Err(Error::Refused(Refused::Denied))),
                is_denied,
                "{n}: {moved:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_mover_comes_to_hold_no_more_on_any_resource_also_by_conditions() {
        const MANIFEST: &str = "
product: studio
levels: {account: {}, instance: {}, workspace: {}}
subjects: {user: members}
types:
  project:
    verbs: [view, create, edit, delete]
    attributes: {secret: {type: bool}}
roles:
  mover: {levels: {account: {permissions: [workspace.move, workspace.create]}}}
  open:
    levels: {workspace: {permissions: [{permission: project.view, when: resource.attr.secret == false}]}}
  secret:
    levels: {instance: {permissions: [{permission: project.view, when: resource.attr.secret == true}]}}
";
        for (is_secret, is_denied) in [(true, true), (false, false)] {
            let world = world().await;
            world.use_manifest(MANIFEST);
            world.member(4, "mover").await;
            world.bind(&subject(4), "open", &workspace()).await;
            world.bind(&subject(4), "secret", &instance()).await;
            world.resource("project:p", &workspace(), None).await;
            let mut project = world.found("project:p").await.unwrap();
            project.attributes.insert("secret".to_owned(), is_secret.into());
            world
                .put(async |write| crate::resource::Writer::put_resource(write, &project).await)
                .await;
            let moved = to_instance(&world, 4, false).await;
            assert_eq!(
                matches!(moved, Err(Error::Refused(Refused::Denied))),
                is_denied,
                "{is_secret}: {moved:?}"
            );
        }
    }
}
