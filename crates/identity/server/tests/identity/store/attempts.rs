//! Failed sign-ins.

use std::time::Duration;

use bailiwick_identity_core::{
    attempt::{Failures, Reader as _},
    store::Store as _,
};
use bailiwick_identity_server::SqlStore;
use bailiwick_types::{Email, Timestamp};

use crate::support::{Bed, on_both_engines};

on_both_engines! {
    failures_are_counted_within_a_window
    failures_that_come_at_once_are_all_counted
}

async fn failures_are_counted_within_a_window(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let key = "ada@example.com".parse::<Email>().unwrap().key();
    let window = Duration::from_micros(100);
    assert_eq!(store.failures(&key).await.unwrap(), None);
    for (now, count, since) in [
        (1_000, 1, 1_000),
        (1_050, 2, 1_000),
        (1_099, 3, 1_000),
        (1_100, 1, 1_100),
    ] {
        let mut unit = store.write(&[]).await.unwrap();
        unit.count_failure(&key, window, Timestamp(now)).await.unwrap();
        let counted = unit.failures(&key).await.unwrap();
        unit.commit().await.unwrap();
        let expected = Some(Failures {
            count,
            since: Timestamp(since),
        });
        assert_eq!(counted, expected);
        assert_eq!(store.failures(&key).await.unwrap(), expected);
    }
    let mut unit = store.write(&[]).await.unwrap();
    assert_eq!(unit.purge_failures(Timestamp(1_100)).await.unwrap(), 0);
    unit.clear_failures(&key).await.unwrap();
    assert_eq!(unit.failures(&key).await.unwrap(), None);
}

async fn failures_that_come_at_once_are_all_counted(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let key = "ada@example.com".parse::<Email>().unwrap().key();
    let all: Vec<_> = (0..8)
        .map(|_| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                let mut unit = store.write(&[]).await.unwrap();
                unit.count_failure(&key, Duration::from_mins(1), Timestamp(5))
                    .await
                    .unwrap();
                unit.commit().await.unwrap();
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(store.failures(&key).await.unwrap().unwrap().count, 8);
}
