//! The feed: dense positions in the order of causes, whatever commits when, and never held up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use bailiwick_sql::{Cursor, CursorRefused, Db, Error, Mark, OutboxRow, Poller};
use bailiwick_testkit::{eventually, on_both_engines};
use bailiwick_types::ScopeRoot;
use sea_orm::ConnectionTrait;
use support::{Bed, account, write};

const SOON: Duration = Duration::from_secs(20);

on_both_engines! {
    what_a_crashed_committer_left_gets_its_position_from_the_worker
    a_reader_that_goes_on_misses_nothing_and_reads_nothing_twice
    a_cursor_is_refused_when_it_is_foreign_ahead_or_too_old
    a_mark_is_refused_when_its_history_is_another
    rows_of_a_root_are_read_by_revision_with_or_without_position
    a_poll_shows_what_is_committed_though_the_sequencer_stands_still
    a_poll_that_is_cut_off_goes_on_and_says_so
    waiting_ends_when_another_process_has_written
    pruning_keeps_what_is_young
    many_writers_and_a_reader_agree_on_one_order
    each_revision_has_a_stamp_and_names_that_of_the_one_before
    a_poller_notices_other_events_up_to_its_cursor
}

async fn start(db: &Db) -> Cursor {
    Cursor {
        epoch: db.epoch().await.unwrap(),
        position: 0,
    }
}

async fn rows(db: &Db) -> Vec<OutboxRow> {
    db.feed().read(&start(db).await, 10_000).await.unwrap().rows
}

/// A commit whose process dies before it gives positions. Unlike [`write()`] it leaves no work behind that
/// could give them later: a test that counts what has none writes all its rows so.
async fn write_and_crash(db: &Db, root: &ScopeRoot) {
    let mut tx = db.begin_write(std::slice::from_ref(root)).await.unwrap();
    tx.emit(root, b"x".to_vec()).unwrap();
    tx.commit_without_sequencing().await.unwrap();
}

async fn what_a_crashed_committer_left_gets_its_position_from_the_worker(bed: Bed) {
    let db = bed.ready().await;
    write_and_crash(&db, &account(1)).await;
    assert!(rows(&db).await.is_empty());
    let other = bed.open().await;
    let _workers = other.start_workers();
    eventually("a position", SOON, async || !rows(&db).await.is_empty()).await;
    let row = rows(&db).await.remove(0);
    assert_eq!((row.position, row.revision), (Some(1), 1));
}

async fn a_reader_that_goes_on_misses_nothing_and_reads_nothing_twice(bed: Bed) {
    let db = bed.ready().await;
    for n in 0..25 {
        write(&db, &account(n % 3), "x").await;
    }
    db.sequence_pending().await.unwrap();
    let mut cursor = start(&db).await;
    let mut positions = Vec::new();
    loop {
        let batch = db.feed().read(&cursor, 4).await.unwrap();
        if batch.rows.is_empty() {
            break;
        }
        assert_eq!(batch.head, 25);
        positions.extend(batch.rows.iter().filter_map(|row| row.position));
        cursor = batch.cursor(&cursor);
    }
    assert_eq!(positions, (1..=25).collect::<Vec<_>>());
}

async fn a_cursor_is_refused_when_it_is_foreign_ahead_or_too_old(bed: Bed) {
    let db = bed.ready().await;
    for _ in 0..3 {
        write(&db, &account(1), "x").await;
    }
    db.sequence_pending().await.unwrap();
    let epoch = db.epoch().await.unwrap();
    let read = async |epoch: &str, position| {
        let cursor = Cursor {
            epoch: epoch.into(),
            position,
        };
        match db.feed().read(&cursor, 10).await {
            Err(Error::Cursor(refused)) => {
                let polled = Poller::new(cursor).poll(&db, 10).await;
                assert!(matches!(polled, Err(Error::Cursor(again)) if again == refused));
                Some(refused)
            }
            Err(error) => panic!("{error:?}"),
            Ok(_) => None,
        }
    };
    assert_eq!(read("another", 1).await, Some(CursorRefused::OtherEpoch));
    assert_eq!(read(&epoch, 4).await, Some(CursorRefused::AheadOfHead));
    assert_eq!(read(&epoch, 3).await, None);
    bed.clock.advance(Duration::from_secs(100));
    write(&db, &account(1), "young").await;
    db.sequence_pending().await.unwrap();
    assert_eq!(db.feed().prune(Duration::from_secs(50)).await.unwrap(), 3);
    assert_eq!(read(&epoch, 2).await, Some(CursorRefused::OlderThanRetention));
    assert_eq!(read(&epoch, 3).await, None);
}

async fn a_mark_is_refused_when_its_history_is_another(bed: Bed) {
    let db = bed.ready().await;
    for _ in 0..3 {
        write(&db, &account(1), "x").await;
    }
    let end = db.feed().settled_mark().await.unwrap();
    let all = rows(&db).await;
    assert_eq!(
        Some(&end),
        all.last()
            .and_then(|row| Mark::after(&end.cursor.epoch, row))
            .as_ref()
    );
    let read = async |mark: &Mark| {
        let tx = db.begin_read_across().await.unwrap();
        let (alone, within) = (db.feed().read_on(mark, 10).await, tx.read_on(mark, 10).await);
        match (alone, within) {
            (Err(Error::Cursor(refused)), Err(Error::Cursor(again))) if refused == again => Err(refused),
            (Ok(batch), Ok(again)) if batch == again => Ok(batch.rows.len()),
            other => panic!("{other:?}"),
        }
    };
    let at = |epoch: &str, position, stamp| Mark {
        cursor: Cursor {
            epoch: epoch.into(),
            position,
        },
        stamp,
    };
    let epoch = end.cursor.epoch.to_string();
    let second = Some(all[1].stamp);
    assert_eq!(read(&at(&epoch, 2, second)).await, Ok(1));
    assert_eq!(read(&at(&epoch, 2, None)).await, Ok(1));
    assert_eq!(read(&at(&epoch, 0, None)).await, Ok(3));
    assert_eq!(
        read(&at(&epoch, 1, second)).await,
        Err(CursorRefused::OtherHistory)
    );
    assert_eq!(
        read(&at(&epoch, 4, second)).await,
        Err(CursorRefused::AheadOfHead)
    );
    assert_eq!(
        read(&at("another", 2, second)).await,
        Err(CursorRefused::OtherEpoch)
    );
    bed.clock.advance(Duration::from_secs(100));
    write(&db, &account(1), "young").await;
    db.sequence_pending().await.unwrap();
    assert_eq!(db.feed().prune(Duration::from_secs(50)).await.unwrap(), 3);
    // The row at the mark is forgotten, what follows it is not.
    assert_eq!(read(&end).await, Ok(1));
    assert_eq!(
        read(&at(&epoch, 2, second)).await,
        Err(CursorRefused::OlderThanRetention)
    );
}

async fn rows_of_a_root_are_read_by_revision_with_or_without_position(bed: Bed) {
    let db = bed.ready().await;
    write_and_crash(&db, &account(1)).await;
    write_and_crash(&db, &account(2)).await;
    db.sequence_pending().await.unwrap();
    write_and_crash(&db, &account(1)).await;
    write_and_crash(&db, &account(1)).await;
    let found = db.feed().revisions(&account(1), 0, 2).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|row| (row.revision, row.position.is_some()))
        .collect();
    assert_eq!(found, vec![(1, true), (2, false)]);
    assert_eq!(db.feed().revisions(&account(1), 2, 9).await.unwrap().len(), 1);
}

async fn a_poll_shows_what_is_committed_though_the_sequencer_stands_still(bed: Bed) {
    let db = bed.ready().await;
    write_and_crash(&db, &account(1)).await;
    db.sequence_pending().await.unwrap();
    let mut poller = Poller::new(start(&db).await);
    for n in 2..=6 {
        write_and_crash(&db, &account(1)).await;
        let poll = poller.poll(&db, 100).await.unwrap();
        // What has been seen does not come again, however long no position is given.
        let revisions: Vec<u64> = poll.rows.iter().map(|row| row.revision).collect();
        assert_eq!(revisions, if n == 2 { vec![1, 2] } else { vec![n] });
        assert!(poll.complete);
        poller.applied(&poll);
    }
    assert_eq!(poller.cursor().position, 1);
    db.sequence_pending().await.unwrap();
    let poll = poller.poll(&db, 100).await.unwrap();
    assert_eq!(
        poll.rows.iter().map(|row| row.revision).collect::<Vec<_>>(),
        vec![2, 3, 4, 5, 6]
    );
    poller.applied(&poll);
    assert_eq!(poller.cursor().position, 6);
    assert!(poller.poll(&db, 100).await.unwrap().rows.is_empty());
}

async fn a_poll_that_is_cut_off_goes_on_and_says_so(bed: Bed) {
    let db = bed.ready().await;
    for _ in 0..5 {
        write_and_crash(&db, &account(1)).await;
    }
    db.sequence_pending().await.unwrap();
    for _ in 0..5 {
        write_and_crash(&db, &account(1)).await;
    }
    let mut poller = Poller::new(start(&db).await);
    let mut revisions = Vec::new();
    for _ in 0..10 {
        let poll = poller.poll(&db, 3).await.unwrap();
        revisions.extend(poll.rows.iter().map(|row| row.revision));
        poller.applied(&poll);
        if poll.complete {
            break;
        }
    }
    assert_eq!(revisions, (1..=10).collect::<Vec<_>>());
}

async fn waiting_ends_when_another_process_has_written(bed: Bed) {
    let db = bed.ready().await;
    let _workers = db.start_workers();
    let other = bed.open().await;
    assert!(!db.feed().wait(0, Duration::from_millis(20)).await.unwrap());
    let waiting = tokio::spawn(async move { db.feed().wait(0, SOON).await });
    write(&other, &account(1), "x").await;
    assert!(waiting.await.unwrap().unwrap());
}

async fn pruning_keeps_what_is_young(bed: Bed) {
    let db = bed.ready().await;
    for _ in 0..4 {
        write(&db, &account(1), "x").await;
        bed.clock.advance(Duration::from_secs(10));
    }
    write_and_crash(&db, &account(2)).await;
    db.feed().prune(Duration::from_secs(25)).await.unwrap();
    db.sequence_pending().await.unwrap();
    let cursor = Cursor {
        position: 2,
        ..start(&db).await
    };
    let left = db.feed().read(&cursor, 10).await.unwrap().rows;
    assert_eq!(
        left.iter().map(|row| row.position).collect::<Vec<_>>(),
        vec![Some(3), Some(4), Some(5)]
    );
}

async fn many_writers_and_a_reader_agree_on_one_order(bed: Bed) {
    const WRITERS: u128 = 5;
    const EACH: usize = 12;
    let db = bed.ready().await;
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let db = if writer % 2 == 0 {
            db.clone()
        } else {
            bed.open().await
        };
        tasks.push(tokio::spawn(async move {
            for _ in 0..EACH {
                // All of them also write to one root, so that their commits are causes of each other.
                let roots = [account(writer + 1), ScopeRoot::Deployment];
                let mut tx = db.begin_write(&roots).await.unwrap();
                for root in &roots {
                    tx.emit(root, vec![]).unwrap();
                }
                tx.commit().await.unwrap();
            }
        }));
    }
    let total = usize::try_from(WRITERS).unwrap() * EACH * 2;
    let mut cursor = start(&db).await;
    let mut seen: Vec<OutboxRow> = Vec::new();
    eventually("all rows", SOON, async || {
        db.sequence_pending().await.unwrap();
        let batch = db.feed().read(&cursor, 7).await.unwrap();
        cursor = batch.cursor(&cursor);
        seen.extend(batch.rows);
        seen.len() >= total
    })
    .await;
    for task in tasks {
        task.await.unwrap();
    }
    let positions: Vec<u64> = seen.iter().filter_map(|row| row.position).collect();
    assert_eq!(positions, (1..=u64::try_from(total).unwrap()).collect::<Vec<_>>());
    for root in (1..=WRITERS).map(account).chain([ScopeRoot::Deployment]) {
        let revisions: Vec<u64> = seen
            .iter()
            .filter(|row| row.root == root)
            .map(|row| row.revision)
            .collect();
        assert!(
            revisions
                .iter()
                .copied()
                .eq(1..=u64::try_from(revisions.len()).unwrap()),
            "{root}: {revisions:?}"
        );
    }
}

async fn each_revision_has_a_stamp_and_names_that_of_the_one_before(bed: Bed) {
    let db = bed.ready().await;
    for n in [1, 2, 1, 2, 1] {
        write(&db, &account(n), "x").await;
    }
    for n in 1..=2 {
        let rows = db.feed().revisions(&account(n), 0, 9).await.unwrap();
        let mut before = 0;
        for row in &rows {
            assert_eq!(row.stamp_before, before);
            assert_ne!(row.stamp, before);
            before = row.stamp;
        }
        let tx = db.begin_read(&account(n)).await.unwrap();
        let standing = tx.standing(&[account(9), account(n)]).await.unwrap();
        assert_eq!(standing.stamps, [0, before]);
        assert_eq!(standing.at(1).stamp, before);
    }
}

async fn a_poller_notices_other_events_up_to_its_cursor(bed: Bed) {
    let db = bed.ready().await;
    for n in 1..=3 {
        write(&db, &account(n), "x").await;
    }
    db.sequence_pending().await.unwrap();
    // One that has read up to the end, and one that starts there.
    let (mut reads, mut starts) = (
        Poller::new(start(&db).await),
        Poller::new(db.feed().head().await.unwrap()),
    );
    for poller in [&mut reads, &mut starts] {
        let poll = poller.poll(&db, 10).await.unwrap();
        poller.applied(&poll);
        assert_eq!(poller.cursor().position, 3);
        assert!(poller.poll(&db, 10).await.unwrap().rows.is_empty());
    }
    // A copy of before the third write, with as many others since, in the same epoch.
    let tx = db.begin_write(&[]).await.unwrap();
    for sql in [
        "DELETE FROM outbox WHERE position = 3",
        "UPDATE feed_state SET head = 2",
    ] {
        tx.conn().execute_unprepared(sql).await.unwrap();
    }
    tx.commit().await.unwrap();
    for _ in 0..2 {
        write(&db, &account(4), "another").await;
    }
    db.sequence_pending().await.unwrap();
    for poller in [&reads, &starts] {
        let refused = poller.poll(&db, 10).await;
        assert!(
            matches!(refused, Err(Error::Cursor(CursorRefused::OtherHistory))),
            "{refused:?}"
        );
    }
    // What is not kept any more tells nothing.
    let mut poller = Poller::new(db.feed().head().await.unwrap());
    let poll = poller.poll(&db, 10).await.unwrap();
    poller.applied(&poll);
    db.feed().prune(std::time::Duration::ZERO).await.unwrap();
    bed.clock.advance(std::time::Duration::from_secs(1));
    db.feed().prune(std::time::Duration::ZERO).await.unwrap();
    assert!(poller.poll(&db, 10).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_commits_late_gets_a_late_position_whatever_its_id() {
    let bed = Bed::postgres().await;
    let db = bed.ready().await;
    // Draws the lower id and keeps it to itself.
    let late = db.begin_write(&[account(1)]).await.unwrap();
    let insert = format!(
        "INSERT INTO outbox (root, revision, stamp, stamp_before, payload, created_at) VALUES ('{}', 1, 7, 0, '\\x01', 0)",
        account(1)
    );
    late.conn().execute_unprepared(&insert).await.unwrap();
    write(&db, &account(2), "early").await;
    db.sequence_pending().await.unwrap();
    let early = rows(&db).await;
    assert_eq!(early.len(), 1);
    late.commit().await.unwrap();
    db.sequence_pending().await.unwrap();
    let both = rows(&db).await;
    assert_eq!(
        (both[0].root.clone(), both[1].root.clone()),
        (account(2), account(1))
    );
    assert!(both[1].id < both[0].id);
    assert_eq!((both[0].position, both[1].position), (Some(1), Some(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_stays_open_elsewhere_in_the_cluster_does_not_hold_the_feed_up() {
    let bed = Bed::postgres().await;
    let db = bed.ready().await;
    let elsewhere = Bed::postgres().await;
    let other = elsewhere.ready().await;
    // With an xid of its own, in another database and in this one.
    let open = other.begin_write(&[account(9)]).await.unwrap();
    open.conn()
        .execute_unprepared("INSERT INTO note VALUES ('open', '')")
        .await
        .unwrap();
    let here = db.begin_write(&[account(9)]).await.unwrap();
    here.conn()
        .execute_unprepared("INSERT INTO note VALUES ('open', '')")
        .await
        .unwrap();
    for n in 1..=3 {
        write(&db, &account(1), "x").await;
        eventually("its position", SOON, async || rows(&db).await.len() == n).await;
    }
    drop((open, here));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequencer_that_is_held_up_delays_nobody_but_readers_of_positions() {
    let bed = Bed::postgres().await;
    let db = bed.ready().await;
    let other = bed.open().await;
    let holder = other.begin_write(&[]).await.unwrap();
    holder
        .conn()
        .execute_unprepared("SELECT * FROM feed_state FOR UPDATE")
        .await
        .unwrap();
    let mut poller = Poller::new(start(&db).await);
    for revision in 1..=3 {
        assert_eq!(write(&db, &account(1), "x").await, revision);
        let poll = poller.poll(&db, 10).await.unwrap();
        assert_eq!(poll.rows.last().unwrap().revision, revision);
        poller.applied(&poll);
    }
    assert!(rows(&db).await.is_empty());
    drop(holder);
    eventually("positions", SOON, async || rows(&db).await.len() == 3).await;
}
