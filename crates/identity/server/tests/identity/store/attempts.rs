//! The counters of attempts.

use std::time::Duration;

use bailiwick_identity_core::{
    attempt::{Limit, Reader as _, address_key},
    secret::Digest,
    store::Store as _,
};
use bailiwick_identity_server::SqlStore;
use bailiwick_testkit::{Fixture as _, TestDb};
use bailiwick_types::{Email, ScopeRoot, Timestamp};

use crate::support::{Bed, Suite, on_both_engines};

on_both_engines! {
    attempts_are_taken_within_a_window_and_given_back
    two_replicas_share_the_attempts_of_a_counter
    an_address_keeps_its_failures_and_is_locked_once
    counters_whose_window_has_ended_are_removed_and_failures_of_users_stay
    the_attempts_at_an_address_are_cleared_for_all_networks
}

const LIMIT: Limit = Limit {
    most: 2,
    window: Duration::from_micros(100),
};

fn counter(name: &str) -> Digest {
    Digest::of_parts(&[name])
}

#[tokio::test]
async fn a_purge_waits_for_no_attempt() {
    // One unit at a time writes to the other engine.
    let store = SqlStore::new(Bed::on(TestDb::postgres().await).await.db().await);
    for name in ["held", "free"] {
        let mut unit = store.write(&[]).await.unwrap();
        for key in [counter(name), counter("address")] {
            unit.take(&key, None, LIMIT, Timestamp(1_000)).await.unwrap();
        }
        unit.take_of_address(&counter(name), None, LIMIT, Timestamp(1_000))
            .await
            .unwrap();
        unit.commit().await.unwrap();
    }
    let mut attempt = store.write(&[]).await.unwrap();
    let now = Timestamp(5_000);
    attempt.take(&counter("held"), None, LIMIT, now).await.unwrap();
    attempt
        .take_of_address(&counter("held"), None, LIMIT, now)
        .await
        .unwrap();
    let mut purge = store.write(&[]).await.unwrap();
    assert_eq!(purge.purge_counters(now, 10).await.unwrap(), 2);
    purge.commit().await.unwrap();
    attempt.commit().await.unwrap();
    let left = store.address_attempts(&counter("held")).await.unwrap();
    assert_eq!(left.unwrap().ends, Timestamp(5_100));
    assert_eq!(store.address_attempts(&counter("free")).await.unwrap(), None);
}

async fn attempts_are_taken_within_a_window_and_given_back(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let key = counter("one");
    assert_eq!(store.counter_end(&key).await.unwrap(), None);
    for (now, taken, ends) in [
        (1_000, true, 1_100),
        (1_050, true, 1_100),
        (1_099, false, 1_100),
        (1_100, true, 1_200),
    ] {
        let mut unit = store.write(&[]).await.unwrap();
        let done = unit.take(&key, None, LIMIT, Timestamp(now)).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!(done, taken, "at {now}");
        assert_eq!(store.counter_end(&key).await.unwrap(), Some(Timestamp(ends)));
    }
    let mut unit = store.write(&[]).await.unwrap();
    unit.give_back(&key).await.unwrap();
    unit.give_back(&key).await.unwrap();
    for left in [true, true, false] {
        assert_eq!(
            unit.take(&key, None, LIMIT, Timestamp(1_100)).await.unwrap(),
            left
        );
    }
    drop(unit);
    let mut unit = store.write(&[]).await.unwrap();
    let again = unit.take(&key, None, LIMIT, Timestamp(1_100)).await.unwrap();
    assert!(again, "what was not committed was not taken");
}

async fn two_replicas_share_the_attempts_of_a_counter(bed: Bed) {
    let replicas = [SqlStore::new(bed.db().await), SqlStore::new(bed.db().await)];
    let limit = Limit {
        most: 10,
        window: Duration::from_mins(1),
    };
    let all: Vec<_> = (0..60)
        .map(|n| {
            let store = replicas[n % 2].clone();
            tokio::spawn(async move {
                let mut unit = store.write(&[]).await.unwrap();
                let near = unit
                    .take(&counter("near"), None, limit, Timestamp(5))
                    .await
                    .unwrap();
                let address = counter("address");
                let far = unit.take_of_address(&address, None, limit, Timestamp(5)).await;
                unit.commit().await.unwrap();
                (near, far.unwrap())
            })
        })
        .collect();
    let (mut near, mut far) = (0, 0);
    for one in all {
        let (taken, of_address) = one.await.unwrap();
        near += usize::from(taken);
        far += usize::from(of_address);
    }
    assert_eq!((near, far), (10, 10));
}

async fn an_address_keeps_its_failures_and_is_locked_once(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let (key, most) = (counter("address"), 2);
    let mut unit = store.write(&[]).await.unwrap();
    assert!(
        !unit.count_failure(&key, most).await.unwrap(),
        "there is no such address"
    );
    unit.take_of_address(&key, None, LIMIT, Timestamp(1))
        .await
        .unwrap();
    assert!(unit.count_failure(&key, most).await.unwrap());
    assert!(
        !unit.lock_address(&key, most, Timestamp(1)).await.unwrap(),
        "too few"
    );
    assert!(unit.count_failure(&key, most).await.unwrap());
    assert!(
        !unit.count_failure(&key, most).await.unwrap(),
        "no more than that"
    );
    assert!(unit.lock_address(&key, most, Timestamp(7)).await.unwrap());
    assert!(!unit.lock_address(&key, most, Timestamp(8)).await.unwrap());
    let found = unit.address_attempts(&key).await.unwrap().unwrap();
    assert_eq!((found.failures, found.locked), (2, Some(Timestamp(7))));
    unit.give_back_of_address(&key, false).await.unwrap();
    assert_eq!(unit.address_attempts(&key).await.unwrap().unwrap().failures, 1);
    unit.give_back_of_address(&key, true).await.unwrap();
    assert_eq!(unit.address_attempts(&key).await.unwrap().unwrap().failures, 0);
}

async fn counters_whose_window_has_ended_are_removed_and_failures_of_users_stay(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let store = SqlStore::new(suite.db.clone());
    let now = Timestamp(1_000);
    let mut unit = store.write(&[ScopeRoot::User(ada)]).await.unwrap();
    let (ended, live) = (counter("ended"), counter("live"));
    unit.take(&ended, None, LIMIT, now).await.unwrap();
    unit.take(&live, None, LIMIT, Timestamp(1_001)).await.unwrap();
    let (known, unknown) = (counter("known"), counter("unknown"));
    for (address, user) in [(&known, Some(ada)), (&unknown, None)] {
        unit.take_of_address(address, user, LIMIT, now).await.unwrap();
        unit.count_failure(address, 1).await.unwrap();
        unit.lock_address(address, 1, now).await.unwrap();
    }
    unit.purge_counters(Timestamp(1_100), 10).await.unwrap();
    assert_eq!(unit.counter_end(&ended).await.unwrap(), None);
    assert!(unit.counter_end(&live).await.unwrap().is_some());
    assert_eq!(unit.address_attempts(&unknown).await.unwrap(), None);
    let kept = unit.address_attempts(&known).await.unwrap().unwrap();
    assert_eq!((kept.failures, kept.locked), (1, Some(now)));
    unit.give_back_of_address(&known, true).await.unwrap();
    unit.purge_counters(Timestamp(1_100), 10).await.unwrap();
    assert_eq!(unit.address_attempts(&known).await.unwrap(), None);
}

async fn the_attempts_at_an_address_are_cleared_for_all_networks(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let email = "ada@example.com".parse::<Email>().unwrap().key();
    let (address, other) = (address_key(&email), counter("other"));
    let mut unit = store.write(&[]).await.unwrap();
    for of in [&address, &other] {
        unit.take_of_address(of, None, LIMIT, Timestamp(1)).await.unwrap();
    }
    for (key, of) in [
        ("one", Some(&address)),
        ("two", Some(&address)),
        ("three", Some(&other)),
        ("four", None),
    ] {
        unit.take(&counter(key), of, LIMIT, Timestamp(1)).await.unwrap();
    }
    unit.clear_failures(&email).await.unwrap();
    for (key, kept) in [("one", false), ("two", false), ("three", true), ("four", true)] {
        let found = unit.counter_end(&counter(key)).await.unwrap();
        assert_eq!(found.is_some(), kept, "{key}");
    }
    assert_eq!(unit.address_attempts(&address).await.unwrap(), None);
    assert!(unit.address_attempts(&other).await.unwrap().is_some());
}
