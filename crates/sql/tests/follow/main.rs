//! Followers: everything once, in order, whoever else follows; from a snapshot where the cursor is
//! refused; never stuck.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod pair;
#[path = "../support/mod.rs"]
mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bailiwick_sql::{
    Cursor,
    follow::{Waited, refused_events},
    statement,
};
use bailiwick_testkit::{eventually, on_both_engines};
use bailiwick_types::Service;
use pair::{Copies, Pair, all, emit, put};
use sea_orm::ConnectionTrait;
use support::{Bed, account};

const SOON: Duration = Duration::from_secs(20);

on_both_engines! {
    a_follower_applies_everything_and_goes_on_where_it_was
    two_followers_of_one_feed_apply_each_event_once
    an_event_that_does_not_fit_is_recorded_and_passed
    a_follower_that_starts_late_begins_with_a_snapshot
    what_a_snapshot_does_not_name_is_removed
    what_is_read_in_a_snapshot_counts_only_once_the_feed_is_applied_to_its_end
    a_source_that_was_set_back_is_read_anew
    an_item_of_a_snapshot_that_does_not_fit_is_recorded_and_passed
    a_snapshot_that_breaks_off_is_read_again
    a_waiter_wakes_when_its_revision_is_applied
    a_waiter_does_not_wait_for_another_epoch
    a_source_that_is_away_is_tried_again
}

async fn a_follower_applies_everything_and_goes_on_where_it_was(bed: Bed) {
    let pair = Pair::new(bed).await;
    let following = pair.follow();
    for n in 0..8 {
        pair.put(&format!("n{n}"), "first").await;
    }
    pair.caught_up().await;
    assert_eq!(pair.wait(8, SOON).await, Waited::Reached);
    assert_eq!(following.follower.lag().behind(), 0);
    drop(following);
    for n in 0..8 {
        pair.put(&format!("n{n}"), "second").await;
    }
    let applied = pair.copies.applied.load(Ordering::SeqCst);
    let _following = pair.follow();
    pair.caught_up().await;
    assert_eq!(pair.wait(16, SOON).await, Waited::Reached);
    assert_eq!(pair.copies.applied.load(Ordering::SeqCst), applied + 8);
}

async fn two_followers_of_one_feed_apply_each_event_once(bed: Bed) {
    let pair = Pair::new(bed).await;
    let _followings = [pair.follow(), pair.follow(), pair.follow()];
    assert_eq!(pair.put("first", "x").await, 1);
    eventually("the first", SOON, async || all(&pair.replica).await.len() == 1).await;
    for n in 2..=30 {
        pair.put(&format!("n{n:02}"), "x").await;
    }
    assert_eq!(pair.wait(30, SOON).await, Waited::Reached);
    // What the followers wrote into their own feed: each event that came by feed once, in order.
    pair.replica.sequence_pending().await.unwrap();
    let start = Cursor {
        epoch: pair.replica.epoch().await.unwrap(),
        position: 0,
    };
    let rows = pair.replica.feed().read(&start, 100).await.unwrap().rows;
    let told: Vec<_> = rows
        .iter()
        .flat_map(|row| &row.changes)
        .filter(|change| **change != b"first=x")
        .collect();
    let expected: Vec<_> = (2..=30).map(|n| format!("n{n:02}=x").into_bytes()).collect();
    assert_eq!(told, expected.iter().collect::<Vec<_>>());
}

async fn an_event_that_does_not_fit_is_recorded_and_passed(bed: Bed) {
    let pair = Pair::new(bed).await;
    let following = pair.follow();
    pair.put("a", "x").await;
    pair.caught_up().await;
    emit(&pair.source, b"no body").await;
    emit(&pair.source, b"duplicate").await;
    let last = pair.put("b", "x").await;
    assert_eq!(pair.wait(last, SOON).await, Waited::Reached);
    pair.caught_up().await;
    let refused = refused_events(&pair.replica, 10).await.unwrap();
    assert_eq!(
        refused.iter().map(|event| event.revision).collect::<Vec<_>>(),
        vec![3, 2]
    );
    assert_eq!(
        (refused[1].source.as_str(), refused[1].reason.as_str()),
        ("tenancy", "has no body")
    );
    assert_eq!(following.follower.lag().refused, 2);
}

async fn a_follower_that_starts_late_begins_with_a_snapshot(bed: Bed) {
    let pair = Pair::new(bed).await;
    for n in 0..10 {
        pair.put(&format!("n{n}"), "old").await;
        pair.put(&format!("n{n}"), "new").await;
    }
    pair.beds.0.clock.advance(Duration::from_secs(1000));
    pair.source.sequence_pending().await.unwrap();
    assert_eq!(
        pair.source.feed().prune(Duration::from_secs(1)).await.unwrap(),
        20
    );
    let _following = pair.follow();
    pair.caught_up().await;
    assert_eq!(pair.wait(20, SOON).await, Waited::Reached);
    assert_eq!(pair.copies.applied.load(Ordering::SeqCst), 0);
    pair.put("late", "x").await;
    pair.caught_up().await;
    assert_eq!(pair.copies.applied.load(Ordering::SeqCst), 1);
}

async fn what_a_snapshot_does_not_name_is_removed(bed: Bed) {
    let pair = Pair::new(bed).await;
    let tx = pair.replica.begin_write(&[]).await.unwrap();
    tx.conn()
        .execute_unprepared("INSERT INTO note (name, body) VALUES ('gone', 'x'), ('n1', 'stale')")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for n in 0..7 {
        pair.put(&format!("n{n}"), "x").await;
    }
    let _following = pair.follow();
    pair.caught_up().await;
    assert!(!all(&pair.replica).await.contains_key("gone"));
}

async fn what_is_read_in_a_snapshot_counts_only_once_the_feed_is_applied_to_its_end(bed: Bed) {
    let mut pair = Pair::new(bed).await;
    let slow = Arc::new(tokio::sync::Semaphore::new(0));
    pair.copies = Arc::new(Copies {
        applied: AtomicU64::new(0),
        slow: Some(Arc::clone(&slow)),
    });
    for n in 0..5 {
        pair.put(&format!("n{n}"), "x").await;
    }
    // While the snapshot is read, things change that earlier pages have shown already.
    let source = pair.source.clone();
    let work = Box::pin(async move {
        put(&source, "n0", "changed").await;
        put(&source, "n4", "changed").await;
    });
    *pair.notes.between_pages.lock().unwrap() = Some(work);
    let following = pair.follow();
    eventually("the snapshot to be read", SOON, async || {
        let lag = following.follower.lag();
        lag.waiting_since.is_some() && !lag.snapshot
    })
    .await;
    // The second page was read at revision 7; the first one shows what was before.
    assert_eq!(all(&pair.replica).await["n4"], "changed");
    assert_eq!(pair.wait(7, Duration::from_millis(50)).await, Waited::Late);
    slow.add_permits(100);
    assert_eq!(pair.wait(7, SOON).await, Waited::Reached);
    assert_eq!(all(&pair.replica).await, all(&pair.source).await);
}

async fn a_source_that_was_set_back_is_read_anew(bed: Bed) {
    let pair = Pair::new(bed).await;
    let _following = pair.follow();
    for n in 0..5 {
        pair.put(&format!("n{n}"), "x").await;
    }
    pair.put("n1", "lost").await;
    pair.caught_up().await;
    // A restore: state and feed of before, another epoch. Versions start again below those that were copied.
    let tx = pair.source.begin_write(&[]).await.unwrap();
    for sql in [
        "DELETE FROM note WHERE name > 'n2'",
        "UPDATE note SET body = 'x', version = 2 WHERE name = 'n1'",
        "DELETE FROM outbox WHERE revision > 3",
        "UPDATE feed_state SET head = 3",
        "UPDATE revision SET revision = 3",
    ] {
        tx.conn().execute_unprepared(sql).await.unwrap();
    }
    tx.commit().await.unwrap();
    pair.source.rotate_epoch().await.unwrap();
    pair.caught_up().await;
    assert_eq!(all(&pair.replica).await.len(), 3);
    assert_eq!(all(&pair.replica).await["n1"], "x");
    let revision = pair.put("again", "x").await;
    assert_eq!(revision, 4);
    assert_eq!(pair.wait(4, SOON).await, Waited::Reached);
    assert!(all(&pair.replica).await.contains_key("again"));
    // An event whose version is lower than the one that was copied before the restore.
    assert_eq!(pair.put("n1", "new").await, 5);
    assert_eq!(pair.wait(5, SOON).await, Waited::Reached);
    assert_eq!(all(&pair.replica).await["n1"], "new");
}

async fn an_item_of_a_snapshot_that_does_not_fit_is_recorded_and_passed(bed: Bed) {
    let pair = Pair::new(bed).await;
    for (name, body) in [("a", "x"), ("b", "bad"), ("c", "x"), ("d", "x"), ("e", "bad")] {
        pair.put(name, body).await;
    }
    let _following = pair.follow();
    assert_eq!(pair.wait(5, SOON).await, Waited::Reached);
    assert_eq!(
        all(&pair.replica).await.into_keys().collect::<Vec<_>>(),
        vec!["a", "c", "d"]
    );
    assert_eq!(refused_events(&pair.replica, 10).await.unwrap().len(), 2);
}

async fn a_snapshot_that_breaks_off_is_read_again(bed: Bed) {
    let pair = Pair::new(bed).await;
    for n in 0..7 {
        pair.put(&format!("n{n}"), "x").await;
    }
    pair.notes.pages_fail.store(true, Ordering::SeqCst);
    let following = pair.follow();
    pair.caught_up().await;
    assert!(!pair.notes.pages_fail.load(Ordering::SeqCst));
    // Also one whose reader dies without a word: another one takes over when it is stale.
    drop(following);
    pair.source.rotate_epoch().await.unwrap();
    pair.notes.gated.store(true, Ordering::SeqCst);
    let dying = pair.follow();
    eventually("the snapshot to begin", SOON, async || {
        dying.follower.lag().snapshot
    })
    .await;
    eventually("its first page", SOON, async || {
        let conn = pair.replica.load();
        let sql = "SELECT count(*) AS n FROM feed_seen";
        let row = conn
            .query_one_raw(statement(conn, sql, vec![]))
            .await
            .unwrap()
            .unwrap();
        row.try_get::<i64>("", "n").unwrap() >= 3
    })
    .await;
    drop(dying);
    pair.notes.gated.store(false, Ordering::SeqCst);
    let _next = pair.follow();
    assert_eq!(pair.wait(7, Duration::from_millis(100)).await, Waited::Late);
    pair.beds.1.clock.advance(Duration::from_secs(61));
    assert_eq!(pair.wait(7, SOON).await, Waited::Reached);
}

async fn a_waiter_wakes_when_its_revision_is_applied(bed: Bed) {
    let pair = Pair::new(bed).await;
    pair.put("a", "x").await;
    let following = pair.follow();
    assert_eq!(pair.wait(1, SOON).await, Waited::Reached);
    assert_eq!(pair.wait(2, Duration::from_millis(30)).await, Waited::Late);
    let epoch = pair.source.epoch().await.unwrap();
    // One in the process that applies, one in another process on the same database.
    let elsewhere = pair.beds.1.open_as(Service::Authorization).await;
    let waiters: Vec<_> = [pair.replica.clone(), elsewhere]
        .into_iter()
        .map(|db| {
            let epoch = Arc::clone(&epoch);
            tokio::spawn(async move {
                db.wait_applied(Service::Tenancy, &epoch, &account(1), 2, SOON)
                    .await
            })
        })
        .collect();
    pair.put("a", "y").await;
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().unwrap(), Waited::Reached);
    }
    drop(following);
}

async fn a_waiter_does_not_wait_for_another_epoch(bed: Bed) {
    let pair = Pair::new(bed).await;
    pair.put("a", "x").await;
    let _following = pair.follow();
    assert_eq!(pair.wait(1, SOON).await, Waited::Reached);
    let waited = pair
        .replica
        .wait_applied(Service::Tenancy, "another", &account(1), 1, SOON)
        .await
        .unwrap();
    assert_eq!(waited, Waited::OtherEpoch);
    // One's own roots are where they are.
    let own = |epoch: String, revision| {
        let db = pair.source.clone();
        async move {
            db.wait_applied(Service::Tenancy, &epoch, &account(1), revision, SOON)
                .await
                .unwrap()
        }
    };
    let epoch = pair.source.epoch().await.unwrap().to_string();
    assert_eq!(own(epoch.clone(), 1).await, Waited::Reached);
    assert_eq!(own(epoch, 2).await, Waited::Late);
    assert_eq!(own("another".into(), 1).await, Waited::OtherEpoch);
}

async fn a_source_that_is_away_is_tried_again(bed: Bed) {
    let pair = Pair::new(bed).await;
    pair.notes.away.store(true, Ordering::SeqCst);
    let following = pair.follow();
    pair.put("a", "x").await;
    eventually("errors", SOON, async || following.follower.lag().errors >= 3).await;
    pair.notes.away.store(false, Ordering::SeqCst);
    assert_eq!(pair.wait(1, SOON).await, Waited::Reached);
    eventually("no errors", SOON, async || following.follower.lag().errors == 0).await;
}
