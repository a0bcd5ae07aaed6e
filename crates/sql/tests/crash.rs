//! What is acknowledged survives; what is not leaves no trace that could be mistaken for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{process::Command, time::Duration};

use bailiwick_sql::{Cursor, Error};
use bailiwick_testkit::{Fixture, Postgres, Process, eventually, on_both_engines};
use support::{Bed, account, write};
use tokio::task::JoinSet;

const SOON: Duration = Duration::from_secs(30);
const URL: &str = "BAILIWICK_TEST_URL";

on_both_engines! {
    every_acknowledged_write_survives_the_death_of_the_writer
    a_backup_is_a_database_of_its_own
}

/// Writes for ever and says what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that another test kills"]
async fn a_writer_that_is_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let bed = Bed {
        url,
        ..Bed::sqlite().await
    };
    let db = bed.open().await;
    let mut writers = JoinSet::new();
    for writer in 0..3 {
        let db = db.clone();
        writers.spawn(async move {
            loop {
                let revision = write(&db, &account(writer), "x").await;
                println!("acknowledged {writer} {revision}");
            }
        });
    }
    writers.join_all().await;
}

async fn every_acknowledged_write_survives_the_death_of_the_writer(bed: Bed) {
    let db = bed.ready().await;
    for round in 1..=3_u64 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "a_writer_that_is_killed", "--ignored", "--nocapture"])
            .env(URL, &bed.url);
        let mut writer = Process::start(command).unwrap();
        let enough = usize::try_from(round * 20).unwrap();
        eventually("writes", SOON, async || acknowledged(&writer).len() > enough).await;
        writer.kill().unwrap();
        let told = acknowledged(&writer);
        // A transaction that was open goes when the server notices; a commit under way may still come.
        for (root, revision) in told {
            let standing = db
                .begin_read(&account(root))
                .await
                .unwrap()
                .standing(&[account(root)])
                .await
                .unwrap();
            assert!(standing.revisions[0] >= revision, "lost: {root} {revision}");
        }
    }
    let writes = write(&db, &account(0), "after").await;
    db.sequence_pending().await.unwrap();
    let start = Cursor {
        epoch: db.epoch().await.unwrap(),
        position: 0,
    };
    let rows = db.feed().read(&start, 100_000).await.unwrap().rows;
    assert!(
        rows.iter()
            .enumerate()
            .all(|(n, row)| row.position == Some(n as u64 + 1))
    );
    let of_zero: Vec<u64> = rows
        .iter()
        .filter(|row| row.root == account(0))
        .map(|row| row.revision)
        .collect();
    assert_eq!(of_zero, (1..=writes).collect::<Vec<_>>());
}

fn acknowledged(writer: &Process) -> Vec<(u128, u64)> {
    let lines = writer.logs().lines();
    let told = lines
        .iter()
        .filter_map(|line| line.split_once("acknowledged ")?.1.split_once(' '));
    told.map(|(root, revision)| (root.parse().unwrap(), revision.parse().unwrap()))
        .collect()
}

async fn a_backup_is_a_database_of_its_own(bed: Bed) {
    let db = bed.ready().await;
    write(&db, &account(1), "x").await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup.db");
    let done = db.backup(&to).await;
    if bed.database.on_server().is_some() {
        assert!(matches!(done, Err(Error::Refused(_))));
        return;
    }
    done.unwrap();
    assert!(matches!(db.backup(&to).await, Err(Error::Refused(_))));
    write(&db, &account(1), "not in the backup").await;
    let copy = Bed {
        url: format!("sqlite://{}", to.display()),
        ..Bed::sqlite().await
    };
    assert_eq!(write(&copy.open().await, &account(1), "x").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_is_used_again_when_it_is_back() {
    let server = Postgres::start().await.unwrap();
    let bed = Bed::on(server.new_database().await.unwrap().into()).await;
    let db = bed.ready().await;
    write(&db, &account(1), "x").await;
    let mut open = db.begin_write(&[account(1)]).await.unwrap();
    open.emit(&account(1), vec![1]).unwrap();
    server.crash().await.unwrap();
    let error = open.commit().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    let error = db.begin_write(&[account(1)]).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    server.resume().await.unwrap();
    eventually("an answer", SOON, async || db.ping().await.is_ok()).await;
    eventually("a write", SOON, async || {
        db.begin_write(&[account(1)]).await.is_ok()
    })
    .await;
    assert_eq!(write(&db, &account(1), "y").await, 2);
}
