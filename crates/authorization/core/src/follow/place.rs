//! An instance or workspace was made or changed.

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountId, IdGen, Level, Scope, ScopeRoot, SourceVersion, Subject, Timestamp};

use super::{Refusal, Way, bind, outlives};
use crate::{Change, Situation, Write, account::Place, holders, relocation};

/// A place as tenancy tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceTold {
    /// The account that it lies in.
    pub account: AccountId,
    /// What it is.
    pub scope: Scope,
    /// Tenancy's version of it.
    pub version: SourceVersion,
    /// How it is told.
    pub way: Way,
    /// The account or instance above it.
    pub parent: Scope,
    /// Its title.
    pub title: String,
    /// Its edition, where it has one.
    pub edition: Option<String>,
    /// Its state.
    pub state: PlaceState,
    /// At creation: its first holder; none gives it to the account's.
    pub owner: Option<Subject>,
    /// The account from which it moved to this one last.
    pub moved_from: Option<AccountId>,
}

impl PlaceTold {
    /// Whether it opens a place where it was deleted, or was not known and may have been elsewhere.
    #[must_use]
    pub fn opens_after(&self, before: Option<&Place>) -> bool {
        if self.state == PlaceState::Deleted {
            return false;
        }
        let Some(before) = before else {
            // One that has just been made was nowhere else.
            return self.version.number() > 1 || self.moved_from.is_some();
        };
        let closed = before.closed_version.as_ref();
        before.state == PlaceState::Deleted
            && !before.version.covers(&self.version)
            && !closed.is_some_and(|closed| outlives(closed, &self.version, self.way))
    }
}

/// Applies it. A new place comes with its holder, where its level has a single-holder role.
///
/// # Errors
/// See [`Refusal`].
pub async fn place_changed(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    told: PlaceTold,
) -> Result<(), Refusal> {
    let refuse = |text: &str| Err(Refusal::Content(text.to_owned()));
    let Some(id) = told.scope.uuid().filter(|_| told.scope.level() > Level::Account) else {
        return refuse("a place is an instance or a workspace");
    };
    if write.account().await?.is_none() {
        return refuse("the account of the place is not known");
    }
    let before = write
        .places(&[id])
        .await?
        .into_iter()
        .find(|place| place.scope == told.scope);
    if before
        .as_ref()
        .is_some_and(|before| before.version.covers(&told.version))
    {
        return Ok(());
    }
    match &told.parent {
        Scope::Account(account) if *account == told.account => {}
        Scope::Instance(instance) if told.scope.level() == Level::Workspace => {
            let above = write.places(&[instance.uuid()]).await?;
            if !above.iter().any(|place| place.scope == told.parent) {
                return refuse("the place above it is not known");
            }
        }
        _ => return refuse("a place of this level cannot be there"),
    }
    let closed = match &before {
        Some(before) => before
            .closed_version
            .clone()
            .map(|version| (version, before.state)),
        None => write
            .early_closure(id)
            .await?
            .map(|early| (early.version, early.state)),
    };
    let (state, closed_version) = match closed {
        Some((version, state)) if outlives(&version, &told.version, told.way) => (state, Some(version)),
        _ => (told.state, None),
    };
    let place = Place {
        account: told.account,
        scope: told.scope,
        parent: told.parent,
        title: told.title,
        edition: told.edition.filter(|edition| !edition.is_empty()),
        state,
        version: told.version,
        closed_version,
        created_at: before.as_ref().map_or(now, |before| before.created_at),
    };
    let root = ScopeRoot::Account(place.account);
    if let Some(before) = before.as_ref().filter(|before| before.parent != place.parent) {
        // It moved, and no call has moved it here: authorization was restored to a time before.
        relocation::follow_within(write, ids, now, before, &place).await?;
    }
    write.put_place(&place).await?;
    write.emit(root, Change::from(&place));
    if before.is_none() {
        write.put_early_closure(id, None).await?;
        // What is deleted needs nobody.
        if place.state != PlaceState::Deleted {
            give(write, ids, now, &place, told.owner).await?;
        }
    }
    Ok(())
}

/// Gives the single-holder role of the place to the owner that the event names, else to the account's holder.
async fn give(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    place: &Place,
    named: Option<Subject>,
) -> Result<(), Refusal> {
    let Some(situation) = Situation::load(write, [&place.scope]).await? else {
        return Ok(());
    };
    let role = situation
        .single_holder_role(place.scope.level())
        .map(|role| role.name.to_string());
    let Some(role) = role else { return Ok(()) };
    if !write.holders(&role, &place.scope).await?.is_empty() {
        return Ok(());
    }
    let mut to = None;
    if let Some(user) = named.as_ref().and_then(Subject::user_id) {
        let member = write.member(user).await?;
        to = member
            .filter(|member| member.is_active(now) && member.expires_at.is_none())
            .and(named);
    }
    if to.is_none()
        && let Some(above) = situation
            .single_holder_role(Level::Account)
            .map(|role| role.name.to_string())
    {
        let account = Scope::Account(place.account);
        let all = write.holders(&above, &account).await?;
        let needs_members = situation.needs_members();
        let best = all
            .iter()
            .find(|holder| holders::counts(holder, needs_members, now))
            .or(all.first());
        to = best.map(|holder| Subject::user(holder.user));
    }
    if let Some(to) = to {
        bind(write, ids, place.account, (&to, &role, &place.scope), now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_policy::manifest::MemberKind;
    use bailiwick_types::{InstanceId, WorkspaceId};
    use uuid::Uuid;

    use super::*;
    use crate::{
        account::{EarlyClosure, Reader as _, Writer as _},
        grant::{About, AppliesTo, Filter, Reader as _},
        member::Member,
        memory::{World, account, account_id, subject, user, version as version_of},
    };

    const ID: u128 = 20;

    fn workspace() -> Scope {
        Scope::Workspace(WorkspaceId::from_uuid(Uuid::from_u128(ID)))
    }

    fn instance(n: u128) -> Scope {
        Scope::Instance(InstanceId::from_uuid(Uuid::from_u128(n)))
    }

    fn told(version: u64, state: PlaceState) -> PlaceTold {
        PlaceTold {
            account: account_id(),
            scope: workspace(),
            version: version_of(version),
            way: Way::Event,
            parent: account(),
            title: format!("Version {version}"),
            edition: Some(String::new()),
            state,
            owner: Some(subject(2)),
            moved_from: None,
        }
    }

    async fn tell(world: &World, told: PlaceTold) -> Result<(), Refusal> {
        let (ids, now) = (&*world.ports.ids, world.now());
        world
            .follow(async |write| place_changed(write, ids, now, told).await)
            .await
    }

    async fn place(world: &World) -> Place {
        let found = world.read().places(&[Uuid::from_u128(ID)]).await.unwrap();
        found
            .into_iter()
            .find(|place| place.scope == workspace())
            .unwrap()
    }

    #[tokio::test]
    async fn a_place_is_changed_by_newer_versions_alone() {
        let world = World::new().await;
        tell(&world, told(1, PlaceState::Active)).await.unwrap();
        let made = place(&world).await;
        assert_eq!((made.state, made.edition), (PlaceState::Active, None));
        tell(&world, told(3, PlaceState::Suspended)).await.unwrap();
        tell(&world, told(2, PlaceState::Active)).await.unwrap();
        let kept = place(&world).await;
        assert_eq!((&*kept.title, kept.state), ("Version 3", PlaceState::Suspended));
        assert_eq!(world.told().last(), Some(&Change::from(&kept)));
    }

    #[tokio::test]
    async fn a_place_that_was_closed_stays_closed_until_a_newer_version() {
        let world = World::new().await;
        let (id, closed) = (Uuid::from_u128(ID), PlaceState::Suspended);
        let early = EarlyClosure {
            version: version_of(3),
            state: closed,
        };
        world
            .put(async |write| write.put_early_closure(id, Some(early)).await)
            .await;
        for version in [1, 2] {
            tell(&world, told(version, PlaceState::Active)).await.unwrap();
            let of = place(&world).await;
            assert_eq!(
                (of.state, of.closed_version),
                (closed, Some(version_of(3))),
                "{version}"
            );
        }
        assert_eq!(world.read().early_closure(id).await.unwrap(), None);
        tell(&world, told(3, PlaceState::Active)).await.unwrap();
        let of = place(&world).await;
        assert_eq!((of.state, of.closed_version), (PlaceState::Active, None));
    }

    #[tokio::test]
    async fn what_a_restored_tenancy_tells_counts_although_its_versions_are_lower() {
        let world = World::new().await;
        tell(&world, told(10, PlaceState::Active)).await.unwrap();
        let restored = PlaceTold {
            version: SourceVersion::new("restored", 9),
            way: Way::Snapshot,
            ..told(0, PlaceState::Suspended)
        };
        tell(&world, restored.clone()).await.unwrap();
        assert_eq!(place(&world).await.state, PlaceState::Suspended);
        assert_eq!(place(&world).await.version, restored.version);
    }

    #[tokio::test]
    async fn a_new_place_is_given_to_the_owner_that_is_told_or_else_to_that_of_the_account() {
        let ending = |world: &World| {
            let member = Member::new(account_id(), user(2), MemberKind::Agent, world.now());
            Member {
                expires_at: Some(world.now().plus(Duration::from_mins(1))),
                ..member
            }
        };
        for (case, holder) in [("member", 2), ("stranger", 1), ("ending", 1), ("nobody", 1)] {
            let world = World::new().await;
            world.member(1, "owner").await;
            match case {
                "member" | "nobody" => {
                    world.member(2, "").await;
                }
                "ending" => world.put_member(ending(&world)).await,
                _ => {}
            }
            let place = PlaceTold {
                owner: Some(subject(2)).filter(|_| case != "nobody"),
                ..told(1, PlaceState::Active)
            };
            tell(&world, place).await.unwrap();
            assert_eq!(world.roles(holder, &workspace()).await, ["owner"], "{case}");
            assert!(world.told().contains(&Change::Subject(subject(holder))), "{case}");
            tell(&world, told(2, PlaceState::Active)).await.unwrap();
            let all = crate::binding::Reader::holders(&*world.read(), "owner", &workspace()).await;
            assert_eq!(all.unwrap().len(), 1, "{case}");
        }
    }

    #[tokio::test]
    async fn grants_on_types_go_on_where_a_workspace_is_told_at_another_parent() {
        let world = World::new().await;
        world.member(3, "").await;
        let instance = PlaceTold {
            scope: instance(30),
            ..told(1, PlaceState::Active)
        };
        let parent = instance.scope.clone();
        tell(&world, instance).await.unwrap();
        tell(&world, told(1, PlaceState::Active)).await.unwrap();
        world.resource("page:p", &workspace(), None).await;
        for (applies_to, permission) in [
            (AppliesTo::Existing, "page.view"),
            (AppliesTo::Future, "page.edit"),
        ] {
            let about = About::Type {
                of: "page".to_owned(),
                scope: workspace(),
                applies_to,
            };
            world.grant(&subject(3), &[permission], about).await;
        }
        let moved = PlaceTold {
            parent: parent.clone(),
            ..told(2, PlaceState::Active)
        };
        tell(&world, moved).await.unwrap();
        assert_eq!(place(&world).await.parent, parent);
        let page = world.found("page:p").await.unwrap();
        let filter = Filter::of(&subject(3));
        let grants = world.read().grants(&filter, None, 9).await.unwrap();
        let mut covering = grants.iter().filter(|grant| grant.covers(&page));
        assert_eq!(grants.len(), 2);
        assert_eq!(covering.next().unwrap().permissions, ["page.view"]);
        assert_eq!(covering.next(), None);
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_there_is_refused() {
        let world = World::new().await;
        let at = |scope: Scope, parent: Scope| PlaceTold {
            scope,
            parent,
            ..told(1, PlaceState::Active)
        };
        let other = Scope::Account(AccountId::from_uuid(Uuid::from_u128(99)));
        for (wrong, text) in [
            (at(account(), account()), "is an instance or a workspace"),
            (at(workspace(), instance(30)), "above it is not known"),
            (at(workspace(), other), "cannot be there"),
            (at(workspace(), crate::memory::workspace()), "cannot be there"),
            (at(instance(31), instance(30)), "cannot be there"),
        ] {
            let refused = tell(&world, wrong).await;
            assert!(
                matches!(&refused, Err(Refusal::Content(why)) if why.contains(text)),
                "{refused:?}"
            );
        }
        tell(&world, at(instance(30), account())).await.unwrap();
        tell(&world, at(workspace(), instance(30))).await.unwrap();
        world.memory.lock().rows.account = None;
        let refused = tell(&world, told(2, PlaceState::Active)).await;
        assert!(
            matches!(&refused, Err(Refusal::Content(why)) if why.contains("account")),
            "{refused:?}"
        );
    }
}
