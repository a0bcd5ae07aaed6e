//! An account was made or changed.

use bailiwick_policy::{PlaceState, manifest::MemberKind};
use bailiwick_types::{AccountId, IdGen, ProductName, Scope, ScopeRoot, SourceVersion, Subject, Timestamp};

use super::{Refusal, Way, bind, outlives, service_account::bind_waiting};
use crate::{Change, Situation, Write, account::Account, member::Member};

/// An account as tenancy tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTold {
    /// Its id.
    pub id: AccountId,
    /// Tenancy's version of it.
    pub version: SourceVersion,
    /// How it is told.
    pub way: Way,
    /// Its product.
    pub product: ProductName,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: PlaceState,
    /// At creation: its first holder.
    pub owner: Option<Subject>,
    /// Seats; 0 is no limit.
    pub seats: u32,
    /// Start of the billing cycle.
    pub billing_anchor: Option<Timestamp>,
}

/// Applies it. A new account comes with its holder.
///
/// # Errors
/// See [`Refusal`].
pub async fn account_changed(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    told: AccountTold,
) -> Result<(), Refusal> {
    let before = write.account().await?;
    if before
        .as_ref()
        .is_some_and(|before| before.version.covers(&told.version))
    {
        return Ok(());
    }
    if write.product(&told.product).await?.is_none() {
        return Err(Refusal::Content(format!(
            "there is no product `{}`",
            told.product
        )));
    }
    let closed = match &before {
        Some(before) => before
            .closed_version
            .clone()
            .map(|version| (version, before.state)),
        None => write
            .early_closure(told.id.uuid())
            .await?
            .map(|early| (early.version, early.state)),
    };
    // An older `enabled` on its way does not open what was closed.
    let (state, closed_version) = match closed {
        Some((version, state)) if outlives(&version, &told.version, told.way) => (state, Some(version)),
        _ => (told.state, None),
    };
    let account = Account {
        id: told.id,
        product: before
            .as_ref()
            .map_or(told.product, |before| before.product.clone()),
        title: told.title,
        state,
        version: told.version,
        closed_version,
        seats: told.seats,
        billing_anchor: told.billing_anchor.unwrap_or(now),
        settings: before
            .as_ref()
            .map(|before| before.settings.clone())
            .unwrap_or_default(),
        settings_version: before
            .as_ref()
            .map(|before| before.settings_version.clone())
            .unwrap_or_default(),
        created_at: before.as_ref().map_or(now, |before| before.created_at),
    };
    write.put_account(&account).await?;
    if before
        .as_ref()
        .is_some_and(|before| before.seats != account.seats)
    {
        // The new number says what there is now.
        write.forget_endings(now).await?;
    }
    let root = ScopeRoot::Account(account.id);
    write.emit(root.clone(), Change::from(&account));
    write.emit(root, Change::Policy(Some(account.id)));
    if before.is_none() {
        write.put_early_closure(account.id.uuid(), None).await?;
        if let Some(owner) = told.owner {
            found(write, ids, now, &account, &owner).await?;
        }
        bind_waiting(write, ids, now, account.id).await?;
    }
    Ok(())
}

/// Makes the owner the first member and holder of a new account.
async fn found(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    account: &Account,
    owner: &Subject,
) -> Result<(), Refusal> {
    let Some(user) = owner.user_id() else {
        return Err(Refusal::Content(
            "the holder of an account must be a user".to_owned(),
        ));
    };
    if write.member(user).await?.is_none() {
        write
            .put_member(&Member::new(account.id, user, MemberKind::Agent, now))
            .await?;
        write.emit(ScopeRoot::Account(account.id), Change::Subject(owner.clone()));
    }
    let scope = Scope::Account(account.id);
    let Some(situation) = Situation::load(write, [&scope]).await? else {
        return Ok(());
    };
    let role = situation.founder_role().map(|role| role.name.to_string());
    if let Some(role) = role
        && write.bindings_on(owner, &role, &scope).await?.is_empty()
    {
        bind(write, ids, account.id, (owner, &role, &scope), now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::{EarlyClosure, Reader as _, Writer as _},
        binding::Reader as _,
        member::Reader as _,
        memory::{STUDIO, World, account as scope, account_id, subject, user, version as version_of},
        seat::{Reader as _, Writer as _},
    };

    fn told(version: u64, state: PlaceState) -> AccountTold {
        AccountTold {
            id: account_id(),
            version: version_of(version),
            way: Way::Event,
            product: "studio".parse().unwrap(),
            title: "Told".to_owned(),
            state,
            owner: Some(subject(1)),
            seats: 0,
            billing_anchor: None,
        }
    }

    async fn tell(world: &World, told: AccountTold) -> Result<(), Refusal> {
        let (ids, now) = (&*world.ports.ids, world.now());
        world
            .follow(async |write| account_changed(write, ids, now, told).await)
            .await
    }

    async fn account(world: &World) -> Account {
        world.read().account().await.unwrap().unwrap()
    }

    /// A product whose account is not known yet.
    async fn before() -> World {
        let world = World::new().await;
        world.product(STUDIO).await;
        world.memory.lock().rows.account = None;
        world
    }

    #[tokio::test]
    async fn a_new_account_comes_with_its_first_member_and_holder() {
        let world = before().await;
        tell(&world, told(1, PlaceState::Active)).await.unwrap();
        assert_eq!(world.roles(1, &scope()).await, ["owner"]);
        assert!(world.read().member(user(1)).await.unwrap().is_some());
        let of = account(&world).await;
        assert_eq!((&*of.title, of.billing_anchor), ("Told", world.now()));
        let (changes, root) = (world.told(), ScopeRoot::Account(account_id()));
        assert_eq!(
            changes[..2],
            [Change::from(&of), Change::Policy(Some(account_id()))]
        );
        assert!(changes.contains(&Change::Subject(subject(1))), "{changes:?}");
        let Some((of, Change::Audited(entry))) = world.memory.lock().changes.last().cloned() else {
            panic!("{changes:?}")
        };
        assert_eq!((of, entry.action, entry.actor), (root, "feed", None));
    }

    #[tokio::test]
    async fn an_account_is_changed_by_newer_versions_alone_and_keeps_its_product() {
        let world = before().await;
        world
            .product(&STUDIO.replace("product: studio", "product: shop"))
            .await;
        tell(&world, told(1, PlaceState::Active)).await.unwrap();
        let next = AccountTold {
            product: "shop".parse().unwrap(),
            title: "Next".to_owned(),
            owner: Some(subject(2)),
            ..told(2, PlaceState::Suspended)
        };
        tell(&world, next).await.unwrap();
        tell(&world, told(2, PlaceState::Active)).await.unwrap();
        let of = account(&world).await;
        assert_eq!((&*of.title, of.state), ("Next", PlaceState::Suspended));
        assert_eq!(of.product.as_str(), "studio");
        assert!(
            world.roles(2, &scope()).await.is_empty(),
            "an owner is told at creation"
        );
    }

    #[tokio::test]
    async fn an_account_that_was_closed_stays_closed_until_a_newer_version() {
        let world = before().await;
        let (id, closed) = (account_id().uuid(), PlaceState::Deleted);
        let early = EarlyClosure {
            version: version_of(3),
            state: closed,
        };
        world
            .put(async |write| write.put_early_closure(id, Some(early)).await)
            .await;
        for version in [1, 2] {
            tell(&world, told(version, PlaceState::Active)).await.unwrap();
            let of = account(&world).await;
            assert_eq!(
                (of.state, of.closed_version),
                (closed, Some(version_of(3))),
                "{version}"
            );
        }
        assert_eq!(world.read().early_closure(id).await.unwrap(), None);
        tell(&world, told(3, PlaceState::Active)).await.unwrap();
        let of = account(&world).await;
        assert_eq!((of.state, of.closed_version), (PlaceState::Active, None));
    }

    #[tokio::test]
    async fn what_a_restored_tenancy_tells_counts_although_its_versions_are_lower() {
        let world = before().await;
        tell(&world, told(10, PlaceState::Active)).await.unwrap();
        let restored = |number, way, state| AccountTold {
            version: SourceVersion::new("restored", number),
            way,
            ..told(0, state)
        };
        tell(&world, restored(9, Way::Snapshot, PlaceState::Suspended))
            .await
            .unwrap();
        assert_eq!(account(&world).await.state, PlaceState::Suspended);
        tell(&world, restored(8, Way::Event, PlaceState::Active))
            .await
            .unwrap();
        let of = account(&world).await;
        assert_eq!(of.state, PlaceState::Suspended);
        assert_eq!(of.version, SourceVersion::new("restored", 9));
    }

    #[tokio::test]
    async fn a_new_number_of_seats_forgets_when_memberships_ended() {
        let world = before().await;
        tell(&world, told(1, PlaceState::Active)).await.unwrap();
        let now = world.now();
        world
            .put(async |write| write.put_ending(user(1), now).await)
            .await;
        tell(&world, told(2, PlaceState::Active)).await.unwrap();
        assert_eq!(world.read().endings().await.unwrap(), [now]);
        let more = AccountTold {
            seats: 9,
            ..told(3, PlaceState::Active)
        };
        tell(&world, more).await.unwrap();
        assert!(world.read().endings().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_account_of_an_unknown_product_or_without_a_user_as_holder_is_refused() {
        let world = before().await;
        let boats = AccountTold {
            product: "boats".parse().unwrap(),
            ..told(1, PlaceState::Active)
        };
        let service = AccountTold {
            owner: Some("service:asker".parse().unwrap()),
            ..told(1, PlaceState::Active)
        };
        for (wrong, text) in [(boats, "no product `boats`"), (service, "must be a user")] {
            let refused = tell(&world, wrong).await;
            assert!(
                matches!(&refused, Err(Refusal::Content(why)) if why.contains(text)),
                "{refused:?}"
            );
        }
        assert_eq!(world.read().account().await.unwrap(), None);
        let holders = world.read().holders("owner", &scope()).await.unwrap();
        assert!(holders.is_empty());
    }
}
