//! What every store must do, beneath the use cases.

use bailiwick_tenancy_core::{
    Event, State, Title,
    account::Account,
    listing::Query,
    place::{Place, PlaceFilter, PlaceId},
    store::Reach,
};
use bailiwick_types::{AccountId, Level, Service, Timestamp, WorkspaceId};
use uuid::Uuid;

use super::{on_both_engines, world::World};

on_both_engines! {
    a_unit_of_work_that_is_dropped_leaves_nothing
    a_commit_that_told_nothing_counts_no_revision
    everything_comes_back_as_it_was_written
    writers_of_one_account_take_turns
    rows_of_another_account_are_out_of_reach
}

fn account(n: u128) -> Account {
    Account {
        id: AccountId::from_uuid(Uuid::from_u128(n)),
        product: "shop".parse().unwrap(),
        title: Title::try_from(format!("a{n}")).unwrap(),
        state: State::Active,
        owner: None,
        seats: u32::MAX,
        billing_anchor: Timestamp(1),
        created: Timestamp(2),
        updated: Timestamp(3),
        version: 1,
        closing: false,
    }
}

fn place(account: AccountId, n: u128) -> Place {
    Place {
        account,
        id: PlaceId::Workspace(WorkspaceId::from_uuid(Uuid::from_u128(n))),
        parent: None,
        title: Title::try_from(format!("w{n}")).unwrap(),
        edition: Some("chs".to_owned()),
        state: State::Active,
        created: Timestamp(4),
        updated: Timestamp(5),
        version: 6,
        closing: true,
    }
}

async fn insert(world: &World, account: &Account) {
    let mut write = world.store.write(account.id).await.unwrap();
    write.insert_account(account).await.unwrap();
    write.emit(Event::Account {
        account: account.clone(),
        created: true,
    });
    write.commit().await.unwrap();
}

async fn a_unit_of_work_that_is_dropped_leaves_nothing(world: World) {
    let new = account(7);
    let mut write = world.store.write(new.id).await.unwrap();
    write.insert_account(&new).await.unwrap();
    write.emit(Event::Account {
        account: new.clone(),
        created: true,
    });
    drop(write);
    let mut read = world.store.read(Reach::Account(new.id)).await.unwrap();
    assert_eq!(read.find_account(new.id).await.unwrap(), None);
    assert!(world.feed().await.is_empty());
}

async fn a_commit_that_told_nothing_counts_no_revision(world: World) {
    let new = account(7);
    insert(&world, &new).await;
    let token = world.store.write(new.id).await.unwrap().commit().await.unwrap();
    assert_eq!(
        token
            .revisions
            .iter()
            .map(|((s, _), r)| (*s, *r))
            .collect::<Vec<_>>(),
        [(Service::Tenancy, 1)]
    );
    assert_eq!(world.feed().await.len(), 1);
}

async fn everything_comes_back_as_it_was_written(world: World) {
    let mut new = account(7);
    new.owner = Some(super::world::user(3));
    insert(&world, &new).await;
    let inner = place(new.id, 8);
    let mut write = world.store.write(new.id).await.unwrap();
    write.insert_place(&inner).await.unwrap();
    write.emit(Event::Place(inner.clone()));
    write.commit().await.unwrap();
    let mut read = world.store.read(Reach::Account(new.id)).await.unwrap();
    assert_eq!(read.find_account(new.id).await.unwrap(), Some(new.clone()));
    assert_eq!(read.find_place(new.id, inner.id).await.unwrap(), Some(inner));
    let token = read.token(new.id).await.unwrap();
    assert_eq!(token.revisions.values().copied().collect::<Vec<_>>(), [2]);
}

async fn writers_of_one_account_take_turns(world: World) {
    let new = account(7);
    insert(&world, &new).await;
    let raise = || async {
        let mut write = world.store.write(new.id).await.unwrap();
        let mut account = write.lock_account(new.id).await.unwrap().unwrap();
        account.version += 1;
        write.update_account(&account).await.unwrap();
        write.emit(Event::Account {
            account,
            created: false,
        });
        write.commit().await.unwrap();
    };
    futures_util::future::join_all((0..20).map(|_| raise())).await;
    let mut read = world.store.read(Reach::Account(new.id)).await.unwrap();
    assert_eq!(read.find_account(new.id).await.unwrap().unwrap().version, 21);
    assert_eq!(world.feed().await.last().unwrap().1, 21);
}

async fn rows_of_another_account_are_out_of_reach(world: World) {
    let (one, other) = (account(7), account(8));
    insert(&world, &one).await;
    insert(&world, &other).await;
    let theirs = place(other.id, 9);
    let mut write = world.store.write(other.id).await.unwrap();
    write.insert_place(&theirs).await.unwrap();
    write.emit(Event::Place(theirs.clone()));
    write.commit().await.unwrap();
    let mut read = world.store.read(Reach::Account(one.id)).await.unwrap();
    assert_eq!(read.find_place(one.id, theirs.id).await.unwrap(), None);
    if world.db.backend() == sea_orm::DbBackend::Postgres {
        // The second wall: not even a statement that names the other account sees its rows.
        assert_eq!(read.find_account(other.id).await.unwrap(), None);
        assert_eq!(read.find_place(other.id, theirs.id).await.unwrap(), None);
        let filter = PlaceFilter {
            account: other.id,
            level: Level::Workspace,
            parent: None,
        };
        assert!(
            read.list_places(&filter, &Query::default(), None, 10)
                .await
                .unwrap()
                .is_empty()
        );
        let mut write = world.store.write(one.id).await.unwrap();
        assert!(write.insert_place(&place(other.id, 10)).await.is_err());
    }
    let mut all = world.store.read(Reach::All).await.unwrap();
    assert!(all.find_account(other.id).await.unwrap().is_some());
}
