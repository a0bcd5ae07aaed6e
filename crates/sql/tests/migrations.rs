//! Migrations: one at a time, wholly or not at all, and the schema that they make.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::Arc;

use bailiwick_sql::{
    Error, Migrations, SchemaError,
    migrate::{isolate_accounts, schema_dump},
    statement,
};
use bailiwick_testkit::{golden, on_both_engines};
use bailiwick_types::Service;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use support::{Bed, Notes, account, account_id, migrations};

on_both_engines! {
    the_schema_is_the_golden_one
    two_migrators_at_once_apply_each_migration_once
    a_failing_migration_leaves_nothing_behind
    a_program_refuses_a_schema_that_is_older_or_newer_than_it_can_work_with
}

struct Script(&'static str, &'static [&'static str]);

impl MigrationName for Script {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Script {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for sql in self.1 {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }
}

fn with(more: Vec<Box<dyn MigrationTrait>>) -> Migrations {
    let mut all: Vec<Box<dyn MigrationTrait>> = vec![Box::new(Notes)];
    all.extend(more);
    Migrations::new(Service::Tenancy, all)
}

async fn the_schema_is_the_golden_one(bed: Bed) {
    let db = bed.open().await;
    db.migrate(&Migrations::new(Service::Tenancy, vec![]))
        .await
        .unwrap();
    let engine = if db.backend() == DbBackend::Postgres {
        "postgres"
    } else {
        "sqlite"
    };
    golden(
        format!("tests/golden/schema-{engine}.txt"),
        &schema_dump(&db).await.unwrap(),
    );
}

async fn two_migrators_at_once_apply_each_migration_once(bed: Bed) {
    let mut tasks = Vec::new();
    let many = || {
        with(vec![
            Box::new(Script(
                "0002",
                &["CREATE TABLE two (x integer)", "CREATE INDEX ix_two ON two (x)"],
            )),
            Box::new(Script("0003", &["INSERT INTO two VALUES (3)"])),
        ])
    };
    let barrier = Arc::new(tokio::sync::Barrier::new(4));
    for _ in 0..4 {
        let (db, barrier) = (bed.open().await, Arc::clone(&barrier));
        let all = many();
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            db.migrate(&all).await.unwrap()
        }));
    }
    let mut applied = Vec::new();
    for task in tasks {
        applied.extend(task.await.unwrap());
    }
    applied.sort();
    assert_eq!(applied, vec!["0001_notes", "0002", "0003", "sql_0001_feed"]);
    let db = bed.open().await;
    db.check_schema(&many()).await.unwrap();
    let sql = statement(db.load(), "SELECT count(*) AS n FROM two", vec![]);
    let row = db.load().query_one_raw(sql).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 1);
}

async fn a_failing_migration_leaves_nothing_behind(bed: Bed) {
    let db = bed.ready().await;
    let broken = with(vec![Box::new(Script(
        "0002",
        &["CREATE TABLE half (x integer)", "CREATE TABLE nonsense"],
    ))]);
    assert!(matches!(db.migrate(&broken).await, Err(Error::Internal(_))));
    assert_eq!(db.schema_status(&broken).await.unwrap().pending, vec!["0002"]);
    let whole = with(vec![Box::new(Script("0002", &["CREATE TABLE half (x integer)"]))]);
    assert_eq!(db.migrate(&whole).await.unwrap(), vec!["0002"]);
}

async fn a_program_refuses_a_schema_that_is_older_or_newer_than_it_can_work_with(bed: Bed) {
    let db = bed.open().await;
    let old = migrations();
    let status = db.schema_status(&old).await.unwrap();
    assert_eq!((status.applied.len(), status.pending.len()), (0, 2));
    assert!(matches!(
        db.check_schema(&old).await,
        Err(Error::Schema(SchemaError::TooOld { .. }))
    ));
    db.migrate(&old).await.unwrap();
    db.check_schema(&old).await.unwrap();
    // A newer program adds: the older one goes on. It takes away: the older one stops at its next start.
    db.migrate(&with(vec![Box::new(Script(
        "0002_more",
        &["CREATE TABLE more (x integer)"],
    ))]))
    .await
    .unwrap();
    db.check_schema(&old).await.unwrap();
    db.migrate(&with(vec![
        Box::new(Script("0002_more", &[])),
        Box::new(Script("0003_contract", &["DROP TABLE more"])),
    ]))
    .await
    .unwrap();
    let error = db.check_schema(&old).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the schema of tenancy is newer than this program: it has 0003_contract"
    );
}

#[tokio::test]
async fn rows_of_an_account_are_shown_to_its_own_transactions_alone() {
    struct Isolated;
    impl MigrationName for Isolated {
        fn name(&self) -> &'static str {
            "0002_isolated"
        }
    }
    #[async_trait::async_trait]
    impl MigrationTrait for Isolated {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            let conn = manager.get_connection();
            conn.execute_unprepared("CREATE TABLE thing (account uuid NOT NULL, name text NOT NULL)")
                .await?;
            isolate_accounts(conn, "thing", "account").await
        }
    }
    let bed = Bed::postgres().await;
    let db = bed.open().await;
    db.migrate(&with(vec![Box::new(Isolated)])).await.unwrap();
    let insert = |n: u128| format!("INSERT INTO thing VALUES ('{}', 'x')", account_id(n).uuid());
    for n in [1, 2] {
        let tx = db.begin_write(&[account(n)]).await.unwrap();
        tx.conn().execute_unprepared(&insert(n)).await.unwrap();
        tx.commit().await.unwrap();
    }
    // Not even by mistake.
    let tx = db.begin_write(&[account(1)]).await.unwrap();
    assert!(tx.conn().execute_unprepared(&insert(2)).await.is_err());
    drop(tx);
    let count = async |conn: &bailiwick_sql::Conn| -> i64 {
        let row = conn
            .query_one_raw(statement(conn, "SELECT count(*) AS n FROM thing", vec![]))
            .await;
        row.unwrap().unwrap().try_get("", "n").unwrap()
    };
    assert_eq!(count(db.begin_read(&account(1)).await.unwrap().conn()).await, 1);
    assert_eq!(count(db.begin_read(&account(3)).await.unwrap().conn()).await, 0);
    assert_eq!(count(db.begin_read_across().await.unwrap().conn()).await, 2);
    assert_eq!(
        count(db.begin_write(&[account(1), account(2)]).await.unwrap().conn()).await,
        2
    );
    assert_eq!(count(db.begin_write(&[]).await.unwrap().conn()).await, 0);
    assert_eq!(count(db.begin_write_across(&[]).await.unwrap().conn()).await, 2);
    let sql = statement(db.load(), "SELECT count(*) AS n FROM thing", vec![]);
    let row = db.load().query_one_raw(sql).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 2);
}
