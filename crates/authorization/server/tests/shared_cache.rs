//! Redis holds no truth: whatever happens to it, answers are those of the primary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use bailiwick_authorization_engine::{
    Consistency, Epoch, Part, PartKey, PartValue, Replica, ReplicaConfig, SharedCache, Watermark,
};
use bailiwick_authorization_server::{RedisCache, RedisSettings};
use bailiwick_policy::Outcome;
use bailiwick_testkit::{Process, Redis, RedisCluster, eventually, free_port};
use bailiwick_types::{AccountId, Scope, Token};
use support::{Bed, World, account, allows, ask, user, user_id};

const SOON: Duration = Duration::from_secs(20);

async fn seeded() -> (World, AccountId, String) {
    let world = Bed::postgres().await.world().await;
    let a = account(1);
    world.account(a).await;
    let mut write = world.write(a).await;
    for n in 1..=3 {
        write.member(user_id(n)).await;
    }
    write.bind(&user(1), "editor", &Scope::Account(a)).await;
    write.commit().await;
    (world, a, format!("account:{a}"))
}

fn shared_cache(redis: &Redis) -> Arc<dyn SharedCache> {
    let settings = RedisSettings {
        timeout: Duration::from_millis(200),
        pause: Duration::from_millis(1),
        ..RedisSettings::single(redis.url())
    };
    let clock = Arc::new(bailiwick_types::SystemClock);
    Arc::new(RedisCache::new(settings, clock).unwrap())
}

fn replica(world: &World, redis: &Redis) -> Arc<Replica> {
    world.replica_with(Some(shared_cache(redis)), ReplicaConfig::default())
}

async fn assign(world: &World, a: AccountId, n: u128) -> Token {
    let mut write = world.write(a).await;
    write.bind(&user(n), "editor", &Scope::Account(a)).await;
    write.commit().await.token()
}

async fn revoke(world: &World, a: AccountId, n: u128) -> Token {
    let mut write = world.write(a).await;
    write.unbind(&user(n)).await;
    write.commit().await.token()
}

async fn keys(redis: &Redis) -> usize {
    redis
        .command("DBSIZE")
        .await
        .unwrap()
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap()
}

async fn says(replica: &Replica, a: AccountId, n: u128, on: &str, token: &Token) -> bool {
    let fresh = Consistency::AtLeast(token.clone());
    ask(replica, a, &user(n), "note.edit", on, &fresh)
        .await
        .unwrap()
        .outcome
        == Outcome::Allow
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_has_read_another_finds_in_redis() {
    let (world, a, on) = seeded().await;
    let redis = Redis::start().await.unwrap();
    let first = replica(&world, &redis);
    first.poll().await.unwrap();
    assert!(allows(&first, a, &user(1), "note.edit", &on).await);
    eventually("the part in Redis", SOON, async || keys(&redis).await > 0).await;
    let other = replica(&world, &redis);
    other.poll().await.unwrap();
    assert!(allows(&other, a, &user(1), "note.edit", &on).await);
    // And after a revocation what Redis says is worth nothing.
    let token = revoke(&world, a, 1).await;
    let third = replica(&world, &redis);
    third.poll().await.unwrap();
    for replica in [&first, &other, &third] {
        assert!(!says(replica, a, 1, &on, &token).await);
    }
}

/// Assigns and revokes while something happens to Redis, and looks at every step on replicas old and new.
async fn in_spite_of(trouble: impl AsyncFn(&Redis, usize)) {
    let (world, a, on) = seeded().await;
    let redis = Redis::start().await.unwrap();
    let old = replica(&world, &redis);
    old.poll().await.unwrap();
    for round in 0..6 {
        for n in 1..=2 {
            let token = revoke(&world, a, n).await;
            assert!(!says(&old, a, n, &on, &token).await, "round {round}");
            trouble(&redis, round).await;
            let token = assign(&world, a, n).await;
            let new = replica(&world, &redis);
            new.poll().await.unwrap();
            assert!(says(&new, a, n, &on, &token).await, "round {round}");
            assert!(says(&old, a, n, &on, &token).await, "round {round}");
            let token = revoke(&world, a, n).await;
            trouble(&redis, round).await;
            assert!(!says(&new, a, n, &on, &token).await, "round {round}");
            assert!(!says(&old, a, n, &on, &token).await, "round {round}");
            let newest = replica(&world, &redis);
            newest.poll().await.unwrap();
            assert!(
                !allows(&newest, a, &user(n), "note.edit", &on).await,
                "round {round}"
            );
            assign(&world, a, n).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushing_redis_changes_no_answer() {
    in_spite_of(async |redis: &Redis, _| {
        redis.command("FLUSHALL").await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pausing_redis_changes_no_answer() {
    in_spite_of(async |redis: &Redis, round| {
        if round % 2 == 0 {
            redis.pause().await.unwrap();
        } else {
            redis.resume().await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_and_restarting_redis_changes_no_answer() {
    in_spite_of(async |redis: &Redis, round| {
        if round % 2 == 0 {
            redis.kill().await.unwrap();
        } else {
            redis.restart().await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setting_redis_back_changes_no_answer() {
    let dump = tokio::sync::Mutex::new(None);
    in_spite_of(async |redis: &Redis, round| {
        let mut dump = dump.lock().await;
        match (round, &*dump) {
            (_, None) => *dump = Some(redis.dump().await.unwrap()),
            (_, Some(bytes)) => redis.restore(bytes).await.unwrap(),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_another_epoch_are_overwritten() {
    let (world, a, on) = seeded().await;
    let redis = Redis::start().await.unwrap();
    let first = replica(&world, &redis);
    first.poll().await.unwrap();
    assert!(allows(&first, a, &user(1), "note.edit", &on).await);
    eventually("the part in Redis", SOON, async || keys(&redis).await > 0).await;
    revoke(&world, a, 1).await;
    world.db.rotate_epoch().await.unwrap();
    first.poll().await.unwrap();
    for replica in [&first, &replica(&world, &redis)] {
        replica.poll().await.unwrap();
        assert!(!allows(replica, a, &user(1), "note.edit", &on).await);
    }
    let epoch = world.db.epoch().await.unwrap();
    let key = PartKey::Subject(user(1).as_str().into());
    let cache = shared_cache(&redis);
    let keys = [key];
    eventually(
        "the new epoch in Redis",
        SOON,
        async || matches!(&cache.get(a, &keys).await[..], [Some((of, _))] if *of == epoch),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_value_does_not_take_the_place_of_a_newer_one() {
    let redis = Redis::start().await.unwrap();
    let cache = shared_cache(&redis);
    let (a, key) = (account(1), PartKey::Resource("note:1".into()));
    let epoch: Epoch = "one".into();
    let part = |account, product| Part {
        read_at: Watermark {
            deployment: 1,
            product,
            account,
            ..Watermark::default()
        },
        manifest: 1,
        value: PartValue::Resource(None),
    };
    let at = async || {
        cache
            .get(a, std::slice::from_ref(&key))
            .await
            .pop()
            .flatten()
            .map(|(of, part)| (of, part.read_at))
    };
    for (written, expected) in [
        ((5, 1), (5, 1)),
        ((4, 9), (5, 1)),
        ((5, 2), (5, 2)),
        ((10, 2), (10, 2)),
        ((9, 3), (10, 2)),
    ] {
        cache.put(a, &epoch, vec![(key.clone(), part(written.0, written.1))]);
        // Writes of one process are made in the order given, so a last one tells that this one is over.
        let marker = PartKey::Resource(format!("note:marker-{}-{}", written.0, written.1).into());
        cache.put(a, &epoch, vec![(marker.clone(), part(1, 1))]);
        eventually("the marker", SOON, async || {
            cache.get(a, std::slice::from_ref(&marker)).await[0].is_some()
        })
        .await;
        eventually("the newer value", SOON, async || {
            at().await
                == Some((
                    epoch.clone(),
                    Watermark {
                        deployment: 1,
                        product: expected.1,
                        account: expected.0,
                        ..Watermark::default()
                    },
                ))
        })
        .await;
    }
    let other: Epoch = "two".into();
    cache.put(a, &other, vec![(key.clone(), part(1, 1))]);
    eventually("the other epoch", SOON, async || {
        at().await.is_some_and(|(of, _)| of == other)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_holds_each_account_on_one_node_and_loses_no_answer_with_one() {
    const ACCOUNTS: u128 = 12;
    let cluster = RedisCluster::start().await.unwrap();
    let settings = RedisSettings {
        cluster: true,
        timeout: Duration::from_millis(500),
        pause: Duration::from_millis(1),
        urls: cluster.nodes().iter().map(|node| node.url().into()).collect(),
        ..RedisSettings::single(String::new())
    };
    let clock = Arc::new(bailiwick_types::SystemClock);
    let shared: Arc<dyn SharedCache> = Arc::new(RedisCache::new(settings, clock).unwrap());
    let world = Bed::postgres().await.world().await;
    for n in 1..=ACCOUNTS {
        let a = account(n);
        world.account(a).await;
        let mut write = world.write(a).await;
        write.member(user_id(1)).await;
        write.bind(&user(1), "editor", &Scope::Account(a)).await;
        write.resource("note", "1", &Scope::Account(a), None, "{}").await;
        write.commit().await;
    }
    let right = async |replica: &Replica| {
        for n in 1..=ACCOUNTS {
            let on = "note:1";
            assert!(
                allows(replica, account(n), &user(1), "note.edit", on).await,
                "{n}"
            );
            assert!(
                !allows(replica, account(n), &user(2), "note.edit", on).await,
                "{n}"
            );
        }
    };
    let first = world.replica_with(Some(shared.clone()), ReplicaConfig::default());
    first.poll().await.unwrap();
    right(&first).await;
    // Each account's parts come back in one call, so they lie together.
    let parts = [
        PartKey::Subject(user(1).as_str().into()),
        PartKey::Resource("note:1".into()),
    ];
    for n in 1..=ACCOUNTS {
        eventually("the parts of an account", SOON, async || {
            shared.get(account(n), &parts).await.iter().all(Option::is_some)
        })
        .await;
    }
    for node in cluster.nodes() {
        assert!(keys(node).await > 0, "a node without keys");
    }
    // With a node its accounts' parts are gone; no answer is.
    cluster.nodes()[1].kill().await.unwrap();
    let second = world.replica_with(Some(shared.clone()), ReplicaConfig::default());
    second.poll().await.unwrap();
    right(&second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_with_a_private_authority_is_trusted_by_the_file_that_names_it() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let port = free_port().unwrap();
    let mut command = Command::new("redis-server");
    command
        .args([
            "--port",
            "0",
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--tls-auth-clients",
            "no",
        ])
        .args(["--tls-port", &port.to_string(), "--tls-cert-file"])
        .arg(at("cert.pem"))
        .arg("--tls-key-file")
        .arg(at("key.pem"))
        .arg("--tls-ca-cert-file")
        .arg(at("cert.pem"));
    let _redis = Process::start(command).unwrap();
    let settings = |ca_file: Option<PathBuf>| RedisSettings {
        timeout: Duration::from_millis(500),
        pause: Duration::from_millis(1),
        ca_file,
        ..RedisSettings::single(format!("rediss://localhost:{port}"))
    };
    let cache = |ca_file| RedisCache::new(settings(ca_file), Arc::new(bailiwick_types::SystemClock));
    let (a, key, epoch) = (account(1), PartKey::Resource("note:1".into()), Epoch::from("one"));
    let part = || Part {
        read_at: Watermark::default(),
        manifest: 1,
        value: PartValue::Resource(None),
    };
    let keys = std::slice::from_ref(&key);
    let trusting = cache(Some(at("cert.pem"))).unwrap();
    eventually("the value is in Redis", SOON, async || {
        trusting.put(a, &epoch, vec![(key.clone(), part())]);
        trusting.get(a, keys).await[0].is_some()
    })
    .await;
    let public = cache(None).unwrap();
    assert!(
        public.get(a, keys).await[0].is_none(),
        "no public authority vouches for it"
    );
    let refused = cache(Some(at("nothing.pem"))).unwrap_err();
    let refused = bailiwick_types::Chain(&refused).to_string();
    assert!(refused.contains("nothing.pem"), "{refused}");
}
