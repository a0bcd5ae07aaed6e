//! After a restore nothing of the lost time counts: neither what a process knows nor what Redis has kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bailiwick_authorization_engine::{
    Consistency, Epoch, Part, PartKey, Replica, ReplicaConfig, SharedCache, parts::codec,
};
use bailiwick_authorization_server::{RedisCache, RedisSettings};
use bailiwick_policy::Outcome;
use bailiwick_sql::statement;
use bailiwick_testkit::{Fixture, Postgres, Redis, RestoreMode, eventually};
use bailiwick_types::{AccountId, Scope, ScopeRoot};
use sea_orm::{ConnectionTrait, Value};
use support::{Bed, World, account, allows, ask, mac_keys, user, user_id};

bailiwick_testkit::on_both_engines! {
    an_assignment_of_the_lost_time_counts_nowhere
    a_process_that_runs_on_drops_what_is_lost
    what_both_histories_share_is_still_taken_from_the_shared_cache
}

/// A shared cache in memory, with values as they are encoded.
#[derive(Debug, Default)]
struct MemoryCache(Mutex<HashMap<String, Vec<u8>>>);

#[async_trait::async_trait]
impl SharedCache for MemoryCache {
    async fn get(&self, account: AccountId, keys: &[PartKey]) -> Vec<Option<(Epoch, Part)>> {
        let values = self.0.lock().unwrap();
        let one = |key| codec::decode(values.get(&codec::key_of(account, key))?);
        keys.iter().map(one).collect()
    }
    fn put(&self, account: AccountId, epoch: &Epoch, parts: Vec<(PartKey, Part)>) {
        let mut values = self.0.lock().unwrap();
        for (key, part) in parts {
            values.insert(codec::key_of(account, &key), codec::encode(epoch, &part).0);
        }
    }
    fn remove(&self, account: AccountId, keys: Vec<PartKey>) {
        let mut values = self.0.lock().unwrap();
        for key in keys {
            values.remove(&codec::key_of(account, &key));
        }
    }
}

/// An account with two members and no role.
async fn seeded(world: &World) -> (AccountId, String) {
    let a = account(1);
    world.account(a).await;
    let mut write = world.write(a).await;
    for n in 1..=2 {
        write.member(user_id(n)).await;
    }
    write.commit().await;
    (a, format!("account:{a}"))
}

async fn assign(world: &World, a: AccountId, n: u128) {
    let mut write = world.write(a).await;
    write.bind(&user(n), "editor", &Scope::Account(a)).await;
    write.commit().await;
}

/// A write that has nothing to do with users 1 and 2.
async fn unrelated(world: &World, a: AccountId, n: u128) {
    let mut write = world.write(a).await;
    write.member(user_id(100 + n)).await;
    write.commit().await;
}

/// Where the account's history and the feed stand.
struct Standing {
    revision: i64,
    stamp: i64,
    head: i64,
}

async fn standing(world: &World, a: AccountId) -> Standing {
    world.db.sequence_pending().await.unwrap();
    let conn = world.db.load();
    let sql = "SELECT r.revision, r.stamp, s.head FROM feed_state s JOIN revision r ON r.root = $1";
    let root = ScopeRoot::Account(a).to_string();
    let row = conn.query_one_raw(statement(conn, sql, vec![root.into()])).await;
    let row = row.unwrap().unwrap();
    let number = |column: &str| row.try_get::<i64>("", column).unwrap();
    Standing {
        revision: number("revision"),
        stamp: number("stamp"),
        head: number("head"),
    }
}

/// Sets the database back as a copied file does: the assignments since, their revisions and their place in
/// the feed are gone, the epoch is the same.
async fn set_back(world: &World, a: AccountId, to: &Standing) {
    world.db.sequence_pending().await.unwrap();
    let root = ScopeRoot::Account(a).to_string();
    let tx = world.db.begin_write_across(&[]).await.unwrap();
    let statements: [(&str, Vec<Value>); 5] = [
        ("DELETE FROM binding WHERE account_id = $1", vec![a.uuid().into()]),
        (
            "DELETE FROM part WHERE account_id = $1 AND revision > $2",
            vec![a.uuid().into(), to.revision.into()],
        ),
        (
            "DELETE FROM outbox WHERE root = $1 AND revision > $2",
            vec![root.clone().into(), to.revision.into()],
        ),
        (
            "UPDATE revision SET revision = $2, stamp = $3 WHERE root = $1",
            vec![root.into(), to.revision.into(), to.stamp.into()],
        ),
        ("UPDATE feed_state SET head = $1", vec![to.head.into()]),
    ];
    for (sql, values) in statements {
        let conn = tx.conn();
        conn.execute_raw(statement(conn, sql, values)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn says(replica: &Replica, a: AccountId, n: u128, on: &str, consistency: &Consistency) -> bool {
    let answer = ask(replica, a, &user(n), "note.edit", on, consistency).await;
    answer.unwrap().outcome == Outcome::Allow
}

async fn an_assignment_of_the_lost_time_counts_nowhere(world: World) {
    let (a, on) = seeded(&world).await;
    for writes in 0..4 {
        let cache = Arc::new(MemoryCache::default());
        let new = || {
            let shared: Arc<dyn SharedCache> = cache.clone();
            world.replica_with(Some(shared), ReplicaConfig::default())
        };
        let before = standing(&world, a).await;
        assign(&world, a, 1).await;
        let asked = new();
        asked.poll().await.unwrap();
        assert!(allows(&asked, a, &user(1), "note.edit", &on).await, "{writes}");
        set_back(&world, a, &before).await;
        for n in 0..writes {
            unrelated(&world, a, 10 * writes + n).await;
        }
        // A process that is started anew, with the shared cache as it was left.
        let restarted = new();
        restarted.poll().await.unwrap();
        for consistency in [Consistency::MinimizeLatency, Consistency::Fully] {
            assert!(
                !says(&restarted, a, 1, &on, &consistency).await,
                "{writes} writes, {consistency:?}"
            );
        }
        assert_eq!(*restarted.contradictions().borrow(), 1, "{writes} writes");
        // What it has read instead has replaced the value of the lost time.
        let another = new();
        another.poll().await.unwrap();
        assert!(!allows(&another, a, &user(1), "note.edit", &on).await);
        assert_eq!(*another.contradictions().borrow(), 0, "{writes} writes");
    }
}

async fn a_process_that_runs_on_drops_what_is_lost(world: World) {
    let (a, on) = seeded(&world).await;
    for writes in 0..4 {
        for fully in [true, false] {
            let before = standing(&world, a).await;
            assign(&world, a, 1).await;
            let running = world.replica();
            running.poll().await.unwrap();
            assert!(allows(&running, a, &user(1), "note.edit", &on).await);
            world.db.sequence_pending().await.unwrap();
            running.poll().await.unwrap();
            set_back(&world, a, &before).await;
            for n in 0..writes {
                unrelated(&world, a, 1_000 + 10 * writes + n + 5 * u128::from(fully)).await;
            }
            world.db.sequence_pending().await.unwrap();
            if fully {
                assert!(
                    !says(&running, a, 1, &on, &Consistency::Fully).await,
                    "{writes} writes"
                );
                assert_eq!(*running.contradictions().borrow(), 1, "{writes} writes");
            } else {
                running.poll().await.unwrap();
            }
            assert!(
                !allows(&running, a, &user(1), "note.edit", &on).await,
                "{writes} writes, fully: {fully}"
            );
        }
    }
}

async fn what_both_histories_share_is_still_taken_from_the_shared_cache(world: World) {
    let (a, on) = seeded(&world).await;
    assign(&world, a, 2).await;
    let cache = Arc::new(MemoryCache::default());
    let new = || {
        let shared: Arc<dyn SharedCache> = cache.clone();
        world.replica_with(Some(shared), ReplicaConfig::default())
    };
    let first = new();
    first.poll().await.unwrap();
    assert!(allows(&first, a, &user(2), "note.edit", &on).await);
    unrelated(&world, a, 1).await;
    let other = new();
    other.poll().await.unwrap();
    // A value of before the base: the primary confirms it without reading it again.
    assert!(allows(&other, a, &user(2), "note.edit", &on).await);
    assert_eq!(*other.contradictions().borrow(), 0);
}

/// The database is dumped; a role is assigned and asked about; the dump is loaded over the database;
/// something else is written; the process is started anew. Redis is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_is_restored_takes_what_redis_has_kept_along() {
    let (server, redis) = (Postgres::start().await.unwrap(), Redis::start().await.unwrap());
    let shared = || -> Arc<dyn SharedCache> {
        let settings = RedisSettings {
            timeout: Duration::from_millis(500),
            ..RedisSettings::single(redis.url())
        };
        Arc::new(RedisCache::new(settings, mac_keys(), Arc::new(bailiwick_types::SystemClock)).unwrap())
    };
    for mode in RestoreMode::ALL {
        let world = World::on(server.new_database().await.unwrap().into()).await;
        let (a, on) = seeded(&world).await;
        let database = world.bed.database.on_server().unwrap().clone();
        let dump = database.dump().await.unwrap();
        assign(&world, a, 1).await;
        let asked = world.replica_with(Some(shared()), ReplicaConfig::default());
        asked.poll().await.unwrap();
        assert!(allows(&asked, a, &user(1), "note.edit", &on).await);
        let cache = shared();
        let key = [PartKey::Subject(user(1).as_str().into())];
        eventually("the set in Redis", Duration::from_secs(20), async || {
            cache.get(a, &key).await[0].is_some()
        })
        .await;
        drop(asked);
        world.db.close().await;
        database.restore(&dump, mode).await.unwrap();
        let bed = Bed::on(database.into()).await;
        let world = World {
            db: bed.open().await,
            bed,
        };
        unrelated(&world, a, 1).await;
        let restarted = world.replica_with(Some(shared()), ReplicaConfig::default());
        restarted.poll().await.unwrap();
        for consistency in [Consistency::MinimizeLatency, Consistency::Fully] {
            assert!(
                !says(&restarted, a, 1, &on, &consistency).await,
                "{mode:?}, {consistency:?}"
            );
        }
    }
}
