//! Restores, promotions and copies change the epoch, and old cursors are refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use bailiwick_sql::{Cursor, CursorRefused, Db, Error};
use bailiwick_testkit::{Fixture, Postgres, RestoreMode, on_both_engines};
use support::{Bed, account, write};

on_both_engines! {
    an_epoch_stays_until_it_is_rotated
}

async fn refused(db: &Db, cursor: &Cursor) -> bool {
    matches!(
        db.feed().read(cursor, 10).await,
        Err(Error::Cursor(CursorRefused::OtherEpoch))
    )
}

async fn an_epoch_stays_until_it_is_rotated(bed: Bed) {
    let db = bed.ready().await;
    write(&db, &account(1), "x").await;
    let cursor = db.feed().settled_head().await.unwrap();
    let other = bed.open().await;
    assert_eq!(other.epoch().await.unwrap(), cursor.epoch);
    assert!(!refused(&other, &cursor).await);
    let epoch = other.rotate_epoch().await.unwrap();
    assert_ne!(epoch, cursor.epoch);
    assert!(refused(&db, &cursor).await);
    // What was written stays readable under the new epoch.
    let rows = db
        .feed()
        .read(&Cursor { epoch, position: 0 }, 10)
        .await
        .unwrap()
        .rows;
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn two_databases_do_not_have_the_same_epoch() {
    let (a, b) = (Bed::sqlite().await, Bed::sqlite().await);
    assert_ne!(
        a.ready().await.epoch().await.unwrap(),
        b.ready().await.epoch().await.unwrap()
    );
}

#[tokio::test]
async fn a_restored_file_has_another_epoch_once_it_is_told() {
    let bed = Bed::sqlite().await;
    let db = bed.ready().await;
    write(&db, &account(1), "kept").await;
    db.close().await;
    let file = bed.database.file().unwrap();
    std::fs::copy(&file, file.with_extension("backup")).unwrap();
    let db = bed.open().await;
    write(&db, &account(1), "lost").await;
    let cursor = db.feed().head().await.unwrap();
    db.close().await;
    std::fs::copy(file.with_extension("backup"), &file).unwrap();
    let db = bed.open().await;
    db.rotate_epoch().await.unwrap();
    assert!(refused(&db, &cursor).await);
    // The revision that was lost is given again: tokens of before are of another epoch.
    assert_eq!(write(&db, &account(1), "another").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_standby_has_another_epoch_and_a_standby_none() {
    let primary = Postgres::start().await.unwrap();
    let bed = Bed::on(primary.new_database().await.unwrap().into()).await;
    let db = bed.ready().await;
    write(&db, &account(1), "x").await;
    let cursor = db.feed().settled_head().await.unwrap();
    let standby = primary.standby().await.unwrap();
    let name = bed.database.on_server().unwrap().name();
    let copy = Bed {
        url: standby.url_of(name),
        ..Bed::on(bed.database.on_server().cloned().unwrap().into()).await
    };
    let on_copy = copy.open().await;
    // What a standby says may be old: it is not asked.
    assert!(matches!(on_copy.epoch().await, Err(Error::Unavailable(_))));
    assert!(matches!(
        on_copy.feed().read(&cursor, 1).await,
        Err(Error::Unavailable(_))
    ));
    primary.crash().await.unwrap();
    standby.promote().await.unwrap();
    assert!(refused(&on_copy, &cursor).await);
    let epoch = on_copy.epoch().await.unwrap();
    assert_ne!(epoch, cursor.epoch);
    assert_eq!(write(&on_copy, &account(1), "on the new primary").await, 2);
    // The same row of the same cluster on another timeline.
    let part = |epoch: &str, n: usize| epoch.split('.').nth(n).map(str::to_owned);
    for n in 0..3 {
        assert_eq!(part(&epoch, n), part(&cursor.epoch, n));
    }
    assert_ne!(part(&epoch, 3), part(&cursor.epoch, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_is_loaded_into_another_cluster_has_another_epoch() {
    let (old, new) = (Bed::postgres().await, Postgres::start().await.unwrap());
    let db = old.ready().await;
    write(&db, &account(1), "x").await;
    let cursor = db.feed().settled_head().await.unwrap();
    let stored = cursor.epoch.split('.').next().unwrap().to_owned();
    let copy = Bed::on(new.new_database().await.unwrap().into()).await;
    let on_copy = copy.ready().await;
    let state = format!("UPDATE feed_epoch SET id = '{stored}'; UPDATE feed_state SET head = 1");
    copy.database.on_server().unwrap().psql(&state).await.unwrap();
    assert!(refused(&on_copy, &cursor).await);
    assert!(on_copy.epoch().await.unwrap().starts_with(&stored));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_is_loaded_over_its_own_database_has_another_epoch_in_every_mode() {
    let server = Postgres::start().await.unwrap();
    for mode in RestoreMode::ALL {
        let bed = Bed::on(server.new_database().await.unwrap().into()).await;
        let database = bed.database.on_server().unwrap();
        let db = bed.ready().await;
        write(&db, &account(1), "kept").await;
        db.sequence_pending().await.unwrap();
        let dump = database.dump().await.unwrap();
        write(&db, &account(1), "lost").await;
        let cursor = db.feed().settled_head().await.unwrap();
        db.close().await;
        database.restore(&dump, mode).await.unwrap();
        let db = bed.open().await;
        let epoch = db.epoch().await.unwrap();
        assert_ne!(epoch, cursor.epoch, "{mode:?}");
        assert!(refused(&db, &cursor).await, "{mode:?}");
        // The revision that was lost is given again, in another history.
        assert_eq!(write(&db, &account(1), "another").await, 2, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_sequencing_pruning_and_vacuuming_leave_the_epoch() {
    let bed = Bed::postgres().await;
    let db = bed.ready().await;
    let epoch = db.epoch().await.unwrap();
    write(&db, &account(1), "x").await;
    db.sequence_pending().await.unwrap();
    db.feed().prune(std::time::Duration::ZERO).await.unwrap();
    let database = bed.database.on_server().unwrap();
    for sql in [
        "VACUUM FREEZE",
        "VACUUM FULL",
        "ANALYZE",
        "REINDEX TABLE feed_epoch",
    ] {
        database.psql(sql).await.unwrap();
        assert_eq!(db.epoch().await.unwrap(), epoch, "{sql}");
    }
}
