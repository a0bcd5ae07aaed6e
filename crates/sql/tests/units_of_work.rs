//! Units of work: what they hold, what they leave behind, and what they tell.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use bailiwick_sql::{Cursor, Db, DbConfig, Error, UniqueKey, statement};
use bailiwick_testkit::{Fixture, Postgres, eventually, on_both_engines};
use bailiwick_types::{Clock, ScopeRoot, Service};
use sea_orm::ConnectionTrait;
use support::{Bed, account, write};

const SOON: Duration = Duration::from_secs(20);
const NOTE: UniqueKey = UniqueKey {
    name: "note_pkey",
    table: "note",
    columns: &["name"],
};

on_both_engines! {
    one_revision_is_one_row_with_all_its_changes
    roots_without_changes_are_not_counted_up
    what_is_dropped_never_happened
    a_unit_of_work_does_not_speak_for_a_root_that_it_does_not_hold
    concurrent_writers_of_one_root_count_without_gaps_in_the_order_of_their_commits
    writers_that_name_their_roots_in_different_orders_do_not_wait_for_each_other
    a_handler_that_is_cut_off_in_the_middle_of_a_write_leaves_nothing_behind
    a_commit_that_nobody_waits_for_happens_wholly
    a_key_that_is_taken_is_recognised
    a_unit_of_work_with_a_failed_statement_is_not_committed
    a_snapshot_does_not_move
    a_token_names_what_was_held
}

async fn note(conn: &impl ConnectionTrait, name: &str) -> Result<(), Error> {
    let sql = "INSERT INTO note (name, body) VALUES ($1, '')";
    conn.execute_raw(statement(conn, sql, vec![name.into()])).await?;
    Ok(())
}

async fn notes(db: &Db) -> i64 {
    let conn = db.load();
    let row = conn
        .query_one_raw(statement(conn, "SELECT count(*) AS n FROM note", vec![]))
        .await
        .unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

async fn all_rows(db: &Db) -> Vec<bailiwick_sql::OutboxRow> {
    let start = Cursor {
        epoch: db.epoch().await.unwrap(),
        position: 0,
    };
    db.sequence_pending().await.unwrap();
    db.feed().read(&start, 10_000).await.unwrap().rows
}

async fn one_revision_is_one_row_with_all_its_changes(bed: Bed) {
    let db = bed.ready().await;
    let (a, b) = (account(1), account(2));
    let mut tx = db.begin_write(&[b.clone(), a.clone()]).await.unwrap();
    assert_eq!(tx.next_revision(&a).unwrap(), 1);
    tx.emit(&b, b"b1".to_vec()).unwrap();
    tx.emit(&a, b"a1".to_vec()).unwrap();
    tx.emit(&a, b"a2".to_vec()).unwrap();
    let done = tx.commit().await.unwrap();
    assert_eq!(done.revisions, vec![(a.clone(), 1), (b.clone(), 1)]);
    let rows = all_rows(&db).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0].root, rows[0].changes.len(), rows[0].position),
        (&a, 2, Some(1))
    );
    assert_eq!(
        (&rows[1].root, &rows[1].changes[0][..], rows[1].position),
        (&b, &b"b1"[..], Some(2))
    );
    assert_eq!(rows[0].created_at, bed.clock.now());
}

async fn roots_without_changes_are_not_counted_up(bed: Bed) {
    let db = bed.ready().await;
    let tx = db
        .begin_write(&[account(1), ScopeRoot::Deployment])
        .await
        .unwrap();
    note(tx.conn(), "x").await.unwrap();
    assert!(tx.commit().await.unwrap().revisions.is_empty());
    assert_eq!(notes(&db).await, 1);
    let tx = db.begin_read(&account(1)).await.unwrap();
    assert_eq!(
        tx.standing(&[account(1), account(9)]).await.unwrap().revisions,
        vec![0, 0]
    );
}

async fn what_is_dropped_never_happened(bed: Bed) {
    let db = bed.ready().await;
    let mut tx = db.begin_write(&[account(1)]).await.unwrap();
    note(tx.conn(), "x").await.unwrap();
    tx.emit(&account(1), vec![1]).unwrap();
    drop(tx);
    assert_eq!(write(&db, &account(1), "after").await, 1);
    assert_eq!(notes(&db).await, 0);
}

async fn a_unit_of_work_does_not_speak_for_a_root_that_it_does_not_hold(bed: Bed) {
    let db = bed.ready().await;
    let mut tx = db.begin_write(&[account(1)]).await.unwrap();
    assert!(matches!(tx.emit(&account(2), vec![]), Err(Error::RootNotHeld(root)) if root == account(2)));
    assert!(tx.next_revision(&account(2)).is_err());
}

async fn concurrent_writers_of_one_root_count_without_gaps_in_the_order_of_their_commits(bed: Bed) {
    const WRITERS: u64 = 6;
    const EACH: u64 = 15;
    let first = bed.ready().await;
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let db = if writer % 2 == 0 {
            first.clone()
        } else {
            bed.open().await
        };
        tasks.push(tokio::spawn(async move {
            let mut last = 0;
            for n in 0..EACH {
                // A revision that is told later is a later one: commit order is revision order.
                let revision = write(&db, &account(1), &format!("{writer}/{n}")).await;
                assert!(revision > last);
                last = revision;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let rows = all_rows(&first).await;
    let revisions: Vec<u64> = rows.iter().map(|row| row.revision).collect();
    assert_eq!(revisions, (1..=WRITERS * EACH).collect::<Vec<_>>());
    let positions: Vec<u64> = rows.iter().filter_map(|row| row.position).collect();
    assert_eq!(positions, (1..=WRITERS * EACH).collect::<Vec<_>>());
    assert!(rows.is_sorted_by_key(|row| row.id));
}

async fn writers_that_name_their_roots_in_different_orders_do_not_wait_for_each_other(bed: Bed) {
    let db = bed.ready().await;
    let mut tasks = Vec::new();
    for writer in 0..6_usize {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..10_u128 {
                // New roots every round, so that rows are made in the race too.
                let mut roots = [
                    account(round * 3 + 1),
                    account(round * 3 + 2),
                    account(round * 3 + 3),
                    ScopeRoot::Deployment,
                ];
                roots.rotate_left(writer % 4);
                if writer % 2 == 0 {
                    roots.reverse();
                }
                let mut tx = db.begin_write(&roots[..3]).await.unwrap();
                for root in &roots[..3] {
                    tx.emit(root, vec![0]).unwrap();
                }
                tx.commit().await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(all_rows(&db).await.len(), 6 * 10 * 3);
}

async fn a_handler_that_is_cut_off_in_the_middle_of_a_write_leaves_nothing_behind(bed: Bed) {
    let db = bed.ready().await;
    // Cut off at every possible point: a little later each time.
    for micros in (0..6_000).step_by(250) {
        let handler = async {
            let mut tx = db.begin_write(&[account(1)]).await?;
            note(tx.conn(), "cut").await?;
            tx.conn()
                .query_all_raw(statement(tx.conn(), "SELECT * FROM note", vec![]))
                .await?;
            tx.emit(&account(1), vec![1])?;
            note(tx.conn(), "cut off too").await?;
            // Never gets to the commit.
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        };
        assert!(
            tokio::time::timeout(Duration::from_micros(micros), handler)
                .await
                .is_err()
        );
    }
    assert_eq!(write(&db, &account(1), "next").await, 1);
    assert_eq!(notes(&db).await, 0);
}

async fn a_commit_that_nobody_waits_for_happens_wholly(bed: Bed) {
    let db = bed.ready().await;
    let mut expected = 0;
    for micros in (0..4_000).step_by(250) {
        let mut tx = db.begin_write(&[account(1)]).await.unwrap();
        note(tx.conn(), &format!("n{micros}")).await.unwrap();
        tx.emit(&account(1), vec![1]).unwrap();
        let commit = tx.commit();
        let _ = tokio::time::timeout(Duration::from_micros(micros), commit).await;
        expected += 1;
    }
    eventually("all commits", SOON, async || notes(&db).await == expected).await;
    assert_eq!(all_rows(&db).await.len(), usize::try_from(expected).unwrap());
}

async fn a_key_that_is_taken_is_recognised(bed: Bed) {
    let db = bed.ready().await;
    let tx = db.begin_write(&[]).await.unwrap();
    note(tx.conn(), "x").await.unwrap();
    let error = note(tx.conn(), "x").await.unwrap_err();
    assert!(error.violates(&NOTE), "{error:?}");
}

async fn a_unit_of_work_with_a_failed_statement_is_not_committed(bed: Bed) {
    let db = bed.ready().await;
    let tx = db.begin_write(&[]).await.unwrap();
    note(tx.conn(), "x").await.unwrap();
    note(tx.conn(), "x").await.unwrap_err();
    assert!(matches!(tx.commit().await, Err(Error::Internal(_))));
    assert_eq!(notes(&db).await, 0);
}

async fn a_snapshot_does_not_move(bed: Bed) {
    let db = bed.ready().await;
    write(&db, &account(1), "one").await;
    let tx = db.begin_read(&account(1)).await.unwrap();
    assert_eq!(tx.standing(&[account(1)]).await.unwrap().revisions, vec![1]);
    write(&db, &account(1), "two").await;
    assert_eq!(tx.standing(&[account(1)]).await.unwrap().revisions, vec![1]);
    drop(tx);
    let tx = db.begin_read(&account(1)).await.unwrap();
    assert_eq!(tx.standing(&[account(1)]).await.unwrap().revisions, vec![2]);
    assert!(note(tx.conn(), "from a reader").await.is_err());
}

async fn a_token_names_what_was_held(bed: Bed) {
    let db = bed.ready().await;
    write(&db, &account(1), "one").await;
    let mut tx = db.begin_write(&[account(1), account(2)]).await.unwrap();
    tx.emit(&account(2), vec![]).unwrap();
    let token = tx.commit().await.unwrap().token();
    let epoch = db.epoch().await.unwrap();
    assert_eq!(token.wanted(Service::Tenancy, &account(1)), Some((&*epoch, 1)));
    assert_eq!(token.wanted(Service::Tenancy, &account(2)), Some((&*epoch, 1)));
}

#[tokio::test]
async fn a_connection_that_may_lose_commits_is_refused() {
    let server = Postgres::start().await.unwrap();
    let bed = Bed::on(server.new_database().await.unwrap().into()).await;
    let db = bed.ready().await;
    write(&db, &account(1), "durable").await;
    let postgres = bed.database.on_server().unwrap();
    postgres
        .psql("ALTER SYSTEM SET synchronous_commit = off")
        .await
        .unwrap();
    postgres.psql("SELECT pg_reload_conf()").await.unwrap();
    // Open connections notice too, at their next unit of work.
    eventually("a refusal", SOON, async || {
        matches!(db.begin_write(&[account(1)]).await, Err(Error::Refused(_)))
    })
    .await;
    let refused = Db::connect(
        DbConfig::new(bed.url.as_str()),
        Service::Tenancy,
        bed.clock.clone(),
    )
    .await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let bed = Bed::sqlite().await;
    let db = bed.ready().await;
    write(&db, &account(1), "x").await;
    let file = bed.database.file().unwrap();
    for name in ["test.db", "test.db-wal"] {
        let mode = file.with_file_name(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_different_roots_do_not_wait_for_each_other_on_postgres() {
    let bed = Bed::postgres().await;
    let db = bed.ready().await;
    let open = db.begin_write(&[account(1)]).await.unwrap();
    write(&db, &account(2), "not held up").await;
    drop(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_is_compiled_on_postgres() {
    async fn jit(conn: &impl ConnectionTrait) -> String {
        let row = conn
            .query_one_raw(statement(conn, "SHOW jit", vec![]))
            .await
            .unwrap();
        row.unwrap().try_get("", "jit").unwrap()
    }
    let bed = Bed::postgres().await;
    let db = bed.ready().await;
    let read = db.begin_read(&account(1)).await.unwrap();
    let write = db.begin_write(&[account(1)]).await.unwrap();
    let all = [
        jit(db.load()).await,
        jit(read.conn()).await,
        jit(write.conn()).await,
    ];
    assert_eq!(all, ["off"; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_begin_that_is_cut_off_leaves_no_transaction_open() {
    let bed = Bed::postgres().await;
    let db = bed.ready().await;
    write(&db, &account(1), "x").await;
    for micros in (0..3_000).step_by(20) {
        let cut = Duration::from_micros(micros);
        let (root, other) = (account(1), account(2));
        let _ = tokio::time::timeout(cut, db.begin_read(&root)).await;
        let _ = tokio::time::timeout(cut, db.begin_write(std::slice::from_ref(&other))).await;
    }
    let open =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    let postgres = bed.database.on_server().unwrap();
    eventually("no open transaction", SOON, async || {
        postgres.psql(open).await.unwrap() == "0"
    })
    .await;
}
