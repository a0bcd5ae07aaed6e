//! Workspaces that moved, as a restored service tells them or hears of them.

use std::sync::Arc;

use bailiwick_authorization_core::{
    Limits, Ports, Selects as _,
    binding::Binding,
    follow::Way,
    product::apply,
    relocation::{Mover, Relocation, relocate_unasked},
    resource::Resource,
};
use bailiwick_proto::events::v1::{self as pb, change::Change};
use bailiwick_sql::{Db, DbConfig, Migrations};
use bailiwick_testkit::{Fixture, ManualClock, TestDb, on_both_engines, witness};
use bailiwick_types::{
    AccountId, BindingId, CallerKind, Scope, ScopeRoot, SeededIds, Service, SourceVersion, Subject, Target,
    UserId, WorkspaceId,
};

use super::{Origin, TenancySink, Tools, roots_of};
use crate::{SqlStore, migrations::migrations, store::Tx};

const PRODUCT: &str = include_str!("../../../../../../products/e-satisfaction.yaml");

on_both_engines! {
    a_workspace_that_opens_again_where_it_was_before_a_move_takes_everything_along,
    a_workspace_that_moved_twice_takes_along_what_was_left_at_the_first_account,
    an_event_from_before_a_move_moves_nothing_back,
    what_an_account_had_in_the_workspace_before_goes_from_the_caches_too,
}

struct World {
    db: Db,
    ports: Ports,
    sink: TenancySink,
    _database: TestDb,
}

impl Fixture for World {
    async fn on(database: TestDb) -> Self {
        let clock = Arc::new(ManualClock::default());
        let config = DbConfig::new(database.url());
        let db = Db::connect(config, Service::Authorization, clock.clone())
            .await
            .unwrap();
        let all = Migrations::new(Service::Authorization, migrations());
        db.migrate(&all).await.unwrap();
        let store = SqlStore::new(db.clone());
        let ids = Arc::new(SeededIds::new(1_000_000));
        let tools = Tools {
            products: store.products(),
            clock: clock.clone(),
            ids: ids.clone(),
            system: witness::system(),
        };
        let ports = Ports {
            store: Arc::new(store),
            clock,
            ids: ids.clone(),
            limits: Limits::default(),
        };
        let operator = witness::caller(CallerKind::User, Subject::user(UserId::generate(&*ids)), None);
        let by = witness::authorized(&operator, &Target::none(), true);
        let product = apply::Apply {
            source: PRODUCT.to_owned(),
            replacements: Vec::new(),
        };
        apply::apply(&ports, &by, product).await.unwrap();
        Self {
            db,
            ports,
            sink: TenancySink(tools),
            _database: database,
        }
    }
}

impl World {
    async fn tell(&self, (epoch, way): (&str, Way), change: Change) {
        let bytes = bailiwick_feed::encode(change.clone());
        let roots = roots_of(&self.db, [&*bytes]).await.unwrap();
        let mut tx = self.db.begin_write_across(&roots).await.unwrap();
        let mut unit = Tx::new(&mut tx, Arc::clone(&self.sink.0.products));
        let from = Origin {
            epoch: epoch.into(),
            way,
        };
        self.sink.take(&mut unit, &from, change).await.unwrap();
        unit.flush().await.unwrap();
        drop(unit);
        tx.commit().await.unwrap();
    }
    async fn account(&self) -> AccountId {
        let account = AccountId::generate(&*self.ports.ids);
        let told = pb::AccountChanged {
            account: account.to_string(),
            version: 1,
            product: "e-satisfaction".to_owned(),
            title: "Account".to_owned(),
            state: pb::PlaceState::Active.into(),
            ..pb::AccountChanged::default()
        };
        self.tell(("first", Way::Event), Change::AccountChanged(told))
            .await;
        account
    }
    /// A chart in a workspace of an account.
    async fn chart(&self, account: AccountId, scope: &Scope) {
        let root = ScopeRoot::Account(account);
        let mut tx = self.db.begin_write_across(&[root]).await.unwrap();
        let mut unit = Tx::new(&mut tx, Arc::clone(&self.sink.0.products));
        unit.select(witness::system().account(account).read());
        let now = self.ports.clock.now();
        let chart = Resource {
            account,
            name: "chart:c1".parse().unwrap(),
            scope: scope.clone(),
            owner: None,
            parent: None,
            title: String::new(),
            attributes: serde_json::Map::new(),
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        bailiwick_authorization_core::resource::Writer::put_resource(&mut unit, &chart)
            .await
            .unwrap();
        unit.flush().await.unwrap();
        drop(unit);
        tx.commit().await.unwrap();
    }
    /// A user with a role in a workspace.
    async fn bound(&self, account: AccountId, scope: &Scope) -> Subject {
        let root = ScopeRoot::Account(account);
        let mut tx = self.db.begin_write_across(&[root]).await.unwrap();
        let mut unit = Tx::new(&mut tx, Arc::clone(&self.sink.0.products));
        unit.select(witness::system().account(account).read());
        let subject = Subject::user(UserId::generate(&*self.ports.ids));
        let binding = Binding {
            id: BindingId::generate(&*self.ports.ids),
            account,
            subject: subject.clone(),
            role: "reporting".to_owned(),
            scope: scope.clone(),
            key: String::new(),
            parameters: serde_json::Map::new(),
            expires_at: None,
            created_at: self.ports.clock.now(),
            creator: None,
        };
        bailiwick_authorization_core::binding::Writer::put_binding(&mut unit, &binding)
            .await
            .unwrap();
        unit.flush().await.unwrap();
        drop(unit);
        tx.commit().await.unwrap();
        subject
    }
    /// The number of changed parts of a subject in an account.
    async fn changes(&self, account: AccountId, subject: &Subject) -> usize {
        let sql = "SELECT key FROM part WHERE account_id = $1";
        let values = vec![account.uuid().into()];
        let rows = bailiwick_sql::query(self.db.load(), sql, values).await.unwrap();
        let keys = rows.iter().map(|row| row.try_get::<String>("", "key").unwrap());
        keys.filter(|key| key.contains(subject.as_str())).count()
    }
    /// In which of the accounts the chart is, and the state of the workspace there.
    async fn charts(&self, accounts: &[AccountId], scope: &Scope) -> Vec<bool> {
        let mut found = Vec::new();
        for account in accounts {
            let access = witness::system().account(*account).read();
            let read = self.ports.store.read(access).await.unwrap();
            let chart = read.resource(&"chart:c1".parse().unwrap()).await.unwrap();
            let places = read.places(&[scope.uuid().unwrap()]).await.unwrap();
            let is_open = places
                .iter()
                .any(|place| place.scope == *scope && place.state.is_open());
            assert_eq!(chart.is_some(), is_open, "{account}");
            found.push(is_open);
        }
        found
    }
}

fn place(account: AccountId, scope: &Scope, version: u64) -> pb::PlaceChanged {
    pb::PlaceChanged {
        account: account.to_string(),
        scope: scope.to_string(),
        version,
        parent: Scope::Account(account).to_string(),
        title: "Athens".to_owned(),
        state: pb::PlaceState::Active.into(),
        ..pb::PlaceChanged::default()
    }
}

fn gone(account: AccountId, scope: &Scope, version: u64) -> Change {
    Change::PlaceChanged(pb::PlaceChanged {
        state: pb::PlaceState::Deleted.into(),
        ..place(account, scope, version)
    })
}

fn came(account: AccountId, scope: &Scope, version: u64, from: AccountId) -> Change {
    Change::PlaceChanged(pb::PlaceChanged {
        moved_from: from.to_string(),
        ..place(account, scope, version)
    })
}

const EVENT: (&str, Way) = ("first", Way::Event);
const RESTORED: (&str, Way) = ("second", Way::Snapshot);

/// A workspace with a chart that has moved from the first account to the second.
async fn moved(world: &World) -> (AccountId, AccountId, Scope) {
    let (a, b) = (world.account().await, world.account().await);
    let scope = Scope::Workspace(WorkspaceId::generate(&*world.ports.ids));
    world.tell(EVENT, Change::PlaceChanged(place(a, &scope, 1))).await;
    world.chart(a, &scope).await;
    relocate(world, (a, b), &scope).await;
    (a, b, scope)
}

async fn relocate(world: &World, (a, b): (AccountId, AccountId), scope: &Scope) {
    let of = Relocation {
        account: a,
        scope: scope.clone(),
        target: b,
        parent: Scope::Account(b),
        version: SourceVersion::new("first", 2),
        mover: Some(Mover {
            subject: Subject::user(UserId::generate(&*world.ports.ids)),
            operator: true,
            target_operator: true,
        }),
    };
    relocate_unasked(&world.ports, &witness::system(), of)
        .await
        .unwrap();
}

async fn what_an_account_had_in_the_workspace_before_goes_from_the_caches_too(world: World) {
    let (a, b) = (world.account().await, world.account().await);
    let scope = Scope::Workspace(WorkspaceId::generate(&*world.ports.ids));
    world.tell(EVENT, Change::PlaceChanged(place(a, &scope, 1))).await;
    world.chart(a, &scope).await;
    // A time before has left something at the target; its names there are free.
    world.tell(EVENT, gone(b, &scope, 1)).await;
    world.chart(b, &scope).await;
    let subject = world.bound(b, &scope).await;
    assert_eq!(world.changes(b, &subject).await, 0);
    relocate(&world, (a, b), &scope).await;
    assert_eq!(world.changes(b, &subject).await, 1);
    world.tell(EVENT, gone(a, &scope, 2)).await;
    world.tell(EVENT, came(b, &scope, 2, a)).await;
    assert_eq!(world.charts(&[a, b], &scope).await, [false, true]);
}

async fn a_workspace_that_opens_again_where_it_was_before_a_move_takes_everything_along(world: World) {
    let (a, b, scope) = moved(&world).await;
    world.tell(EVENT, gone(a, &scope, 2)).await;
    world.tell(EVENT, came(b, &scope, 2, a)).await;
    assert_eq!(world.charts(&[a, b], &scope).await, [false, true]);
    // Tenancy is restored to before the move.
    world
        .tell(RESTORED, Change::PlaceChanged(place(a, &scope, 1)))
        .await;
    assert_eq!(world.charts(&[a, b], &scope).await, [true, false]);
    world
        .tell(RESTORED, Change::PlaceChanged(place(a, &scope, 2)))
        .await;
    assert_eq!(world.charts(&[a, b], &scope).await, [true, false]);
}

async fn a_workspace_that_moved_twice_takes_along_what_was_left_at_the_first_account(world: World) {
    let (a, b, c) = (
        world.account().await,
        world.account().await,
        world.account().await,
    );
    let scope = Scope::Workspace(WorkspaceId::generate(&*world.ports.ids));
    world.tell(EVENT, Change::PlaceChanged(place(a, &scope, 1))).await;
    world.chart(a, &scope).await;
    // Authorization has heard of neither move and reads a snapshot.
    let same = ("first", Way::Snapshot);
    world.tell(same, gone(a, &scope, 2)).await;
    world.tell(same, gone(b, &scope, 3)).await;
    world.tell(same, came(c, &scope, 3, b)).await;
    let accounts = [b, c];
    assert_eq!(world.charts(&accounts, &scope).await, [false, true]);
}

async fn an_event_from_before_a_move_moves_nothing_back(world: World) {
    let (a, b, scope) = moved(&world).await;
    world.tell(EVENT, Change::PlaceChanged(place(a, &scope, 1))).await;
    world.tell(EVENT, came(b, &scope, 2, a)).await;
    assert_eq!(world.charts(&[a, b], &scope).await, [false, true]);
}
