//! What is kept too long is taken away by a service itself, and what is young stays.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{sync::Arc, time::Duration};

use bailiwick_feed::retain;
use bailiwick_sql::{Cursor, CursorRefused, Db, DbConfig, Error, Migrations};
use bailiwick_testkit::{ManualClock, eventually};
use bailiwick_types::{AccountId, ScopeRoot, Service};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

async fn write(db: &Db) {
    let root = ScopeRoot::Account(AccountId::from_uuid(Uuid::from_u128(1)));
    let mut tx = db.begin_write(std::slice::from_ref(&root)).await.unwrap();
    tx.emit(&root, b"x".to_vec()).unwrap();
    tx.commit().await.unwrap();
    db.sequence_pending().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_older_than_the_retention_are_taken_away_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let url = format!("sqlite://{}", dir.path().join("authorization.db").display());
    let db = Db::connect(DbConfig::new(url), Service::Authorization, clock.clone())
        .await
        .unwrap();
    db.migrate(&Migrations::new(Service::Authorization, Vec::new()))
        .await
        .unwrap();
    write(&db).await;
    write(&db).await;
    clock.advance(Duration::from_secs(100));
    write(&db).await;
    let at = async |position| {
        let epoch = db.epoch().await.unwrap();
        db.feed().read(&Cursor { epoch, position }, 10).await
    };
    assert_eq!(at(0).await.unwrap().rows.len(), 3);
    let loops = tokio::spawn(retain(db.clone(), Duration::from_secs(50)));
    eventually("the old events to be gone", SOON, async || {
        matches!(at(1).await, Err(Error::Cursor(CursorRefused::OlderThanRetention)))
    })
    .await;
    assert_eq!(at(2).await.unwrap().rows.len(), 1, "the young one stays");
    assert!(!loops.is_finished(), "it looks again and again");
    loops.abort();
}
