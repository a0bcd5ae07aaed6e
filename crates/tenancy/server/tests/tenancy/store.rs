//! What every store must do, beneath the use cases.

use bailiwick_tenancy_core::{
    Event, State, Title,
    account::{Account, AccountFilter},
    listing::Query,
    place::{Place, PlaceFilter, PlaceId},
};
use bailiwick_testkit::witness;
use bailiwick_types::{AccountId, AccountWrite, Level, Service, Timestamp, WorkspaceId};
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
        moved_from: None,
    }
}

/// The handle of an account.
fn handle(account: AccountId) -> AccountWrite {
    witness::system().account(account)
}

async fn insert(world: &World, account: &Account) {
    let mut write = world.store.write(handle(account.id)).await.unwrap();
    write.insert_account(account).await.unwrap();
    write.emit(Event::Account {
        account: account.clone(),
        created: true,
    });
    write.commit().await.unwrap();
}

async fn a_unit_of_work_that_is_dropped_leaves_nothing(world: World) {
    let new = account(7);
    let mut write = world.store.write(handle(new.id)).await.unwrap();
    write.insert_account(&new).await.unwrap();
    write.emit(Event::Account {
        account: new.clone(),
        created: true,
    });
    drop(write);
    let mut read = world.store.read(handle(new.id).read()).await.unwrap();
    assert_eq!(read.find_account().await.unwrap(), None);
    assert!(world.feed().await.is_empty());
}

async fn a_commit_that_told_nothing_counts_no_revision(world: World) {
    let new = account(7);
    insert(&world, &new).await;
    let token = world
        .store
        .write(handle(new.id))
        .await
        .unwrap()
        .commit()
        .await
        .unwrap();
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
    let mut write = world.store.write(handle(new.id)).await.unwrap();
    write.insert_place(&inner).await.unwrap();
    write.emit(Event::Place(inner.clone()));
    write.commit().await.unwrap();
    let mut read = world.store.read(handle(new.id).read()).await.unwrap();
    assert_eq!(read.find_account().await.unwrap(), Some(new.clone()));
    assert_eq!(read.find_place(inner.id).await.unwrap(), Some(inner));
    let token = read.token().await.unwrap();
    assert_eq!(token.revisions.values().copied().collect::<Vec<_>>(), [2]);
}

async fn writers_of_one_account_take_turns(world: World) {
    let new = account(7);
    insert(&world, &new).await;
    let raise = || async {
        let mut write = world.store.write(handle(new.id)).await.unwrap();
        let mut account = write.find_account().await.unwrap().unwrap();
        account.version += 1;
        write.update_account(&account).await.unwrap();
        write.emit(Event::Account {
            account,
            created: false,
        });
        write.commit().await.unwrap();
    };
    futures_util::future::join_all((0..20).map(|_| raise())).await;
    let mut read = world.store.read(handle(new.id).read()).await.unwrap();
    assert_eq!(read.find_account().await.unwrap().unwrap().version, 21);
    assert_eq!(world.feed().await.last().unwrap().1, 21);
}

async fn rows_of_another_account_are_out_of_reach(world: World) {
    let (one, other) = (account(7), account(8));
    insert(&world, &one).await;
    insert(&world, &other).await;
    let theirs = place(other.id, 9);
    let mut write = world.store.write(handle(other.id)).await.unwrap();
    write.insert_place(&theirs).await.unwrap();
    write.emit(Event::Place(theirs.clone()));
    write.commit().await.unwrap();
    let mut read = world.store.read(handle(one.id).read()).await.unwrap();
    assert_eq!(read.find_account().await.unwrap(), Some(one.clone()));
    assert_eq!(read.find_place(theirs.id).await.unwrap(), None);
    let filter = PlaceFilter {
        level: Level::Workspace,
        parent: None,
    };
    let listed = read.list_places(filter, &Query::default(), None, 10).await;
    assert_eq!(listed.unwrap(), []);
    assert!(!read.has_places(None).await.unwrap());
    if world.db.backend() == sea_orm::DbBackend::Postgres {
        // Row-level security: a statement without the account in its condition does not see other accounts'
        // rows either.
        let root = bailiwick_types::ScopeRoot::Account(one.id);
        let tx = world.db.begin_read(&root).await.unwrap();
        let select = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, "SELECT id FROM account");
        let rows = sea_orm::ConnectionTrait::query_all_raw(tx.conn(), select).await;
        assert_eq!(rows.unwrap().len(), 1);
    }
    let mut all = world
        .store
        .read_all(witness::system().all_accounts())
        .await
        .unwrap();
    let every = AccountFilter::default();
    let accounts = all.list_accounts(&every, &Query::default(), None, 10).await;
    assert_eq!(accounts.unwrap(), [one, other]);
}
