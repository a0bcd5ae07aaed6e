//! Units of work through PgBouncer in transaction mode: each transaction is in a session that others have
//! used.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bailiwick_sql::{Conn, Db, DbConfig, Error, Migrations, migrate::isolate_accounts, statement};
use bailiwick_testkit::{Fixture, PgBouncer, TestDb, eventually};
use bailiwick_types::Service;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use support::{Bed, account, account_id, write};

const SOON: Duration = Duration::from_secs(20);

struct Things;

impl MigrationName for Things {
    fn name(&self) -> &'static str {
        "0001_things"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Things {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        conn.execute_unprepared("CREATE TABLE thing (account uuid NOT NULL, name text NOT NULL)")
            .await?;
        isolate_accounts(conn, "thing", "account").await
    }
}

/// A database with a row of each of two accounts, and a pooler in front of it.
struct Pooled {
    bed: Bed,
    bouncer: PgBouncer,
}

impl Pooled {
    async fn new(connections: u32) -> Self {
        let bed = Bed::on(TestDb::postgres().await).await;
        let bouncer = PgBouncer::start(bed.database.on_server().unwrap(), connections)
            .await
            .unwrap();
        let db = bed.open().await;
        let things = Migrations::new(Service::Tenancy, vec![Box::new(Things)]);
        db.migrate(&things).await.unwrap();
        for n in [1, 2] {
            let tx = db.begin_write(&[account(n)]).await.unwrap();
            add(tx.conn(), n).await.unwrap();
            tx.commit().await.unwrap();
        }
        db.close().await;
        Self { bed, bouncer }
    }
    fn config(&self) -> DbConfig {
        let mut config = DbConfig::new(self.bouncer.url());
        config.pooler = true;
        config.direct = Some(bailiwick_sql::Address::url(self.bed.url.as_str()));
        config
    }
    async fn open(&self) -> Db {
        let clock = self.bed.clock.clone();
        Db::connect(self.config(), Service::Tenancy, clock).await.unwrap()
    }
}

async fn add(conn: &impl ConnectionTrait, n: u128) -> Result<(), Error> {
    let sql = "INSERT INTO thing (account, name) VALUES ($1, 'x')";
    let values = vec![account_id(n).uuid().into()];
    conn.execute_raw(statement(conn, sql, values)).await?;
    Ok(())
}

/// Whose rows a connection sees.
async fn seen(conn: &impl ConnectionTrait) -> Result<BTreeSet<String>, Error> {
    let sql = statement(conn, "SELECT account::text AS account FROM thing", vec![]);
    let rows = conn.query_all_raw(sql).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get("", "account").unwrap())
        .collect())
}

fn only(n: u128) -> BTreeSet<String> {
    [account_id(n).uuid().to_string()].into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts_that_share_sessions_never_see_each_other() {
    for connections in [1, 2] {
        let pooled = Pooled::new(connections).await;
        let db = pooled.open().await;
        let workers = db.start_workers();
        let mut tasks = Vec::new();
        for n in [1, 2] {
            let db = db.clone();
            tasks.push(tokio::spawn(async move {
                for round in 0..25 {
                    let read = db.begin_read(&account(n)).await.unwrap();
                    assert_eq!(seen(read.conn()).await.unwrap(), only(n), "round {round}");
                    assert!(add(read.conn(), n).await.is_err(), "a reader has written");
                    drop(read);
                    assert_eq!(seen(db.load()).await.unwrap().len(), 2, "round {round}");
                    assert!(add(db.load(), n).await.is_err(), "a loader has written");
                    let tx = db.begin_write(&[account(n)]).await.unwrap();
                    assert_eq!(seen(tx.conn()).await.unwrap(), only(n), "round {round}");
                    add(tx.conn(), n).await.unwrap();
                    if round % 2 == 0 {
                        tx.commit().await.unwrap();
                    } else {
                        drop(tx);
                    }
                    write(&db, &account(n), "a change").await;
                    let tx = db.begin_write_across(&[account(n)]).await.unwrap();
                    assert_eq!(seen(tx.conn()).await.unwrap().len(), 2, "round {round}");
                    drop(tx);
                    let tx = db.begin_write(&[account(n)]).await.unwrap();
                    assert!(add(tx.conn(), 3 - n).await.is_err(), "a foreign row was written");
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        // Notices come past the pooler, and rows get their positions through it.
        eventually("all positions", SOON, async || {
            db.feed().head().await.unwrap().position >= 50
        })
        .await;
        drop(workers);
        db.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transaction_has_its_settings_and_leaves_none_behind() {
    let pooled = Pooled::new(1).await;
    let db = pooled.open().await;
    let setting = async |conn: &dyn Ask, name: &str| conn.ask(name).await;
    for _ in 0..2 {
        for (name, wanted) in [
            ("jit", "off"),
            ("statement_timeout", "15s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "30s"),
        ] {
            let read = db.begin_read(&account(1)).await.unwrap();
            assert_eq!(setting(read.conn(), name).await, wanted, "{name}");
            drop(read);
            let tx = db.begin_write(&[account(1)]).await.unwrap();
            assert_eq!(setting(tx.conn(), name).await, wanted, "{name}");
            drop(tx);
        }
        let read = db.begin_read(&account(1)).await.unwrap();
        assert_eq!(
            setting(read.conn(), "transaction_isolation").await,
            "repeatable read"
        );
        assert_eq!(setting(read.conn(), "transaction_read_only").await, "on");
    }
    db.close().await;
    // The next client of the session finds nothing of it: not even whose rows to show.
    let bare = Db::connect(pooled.config(), Service::Tenancy, pooled.bed.clock.clone())
        .await
        .unwrap();
    let row = bare
        .load()
        .query_one_raw(statement(
            bare.load(),
            "SELECT count(*) AS n FROM pg_prepared_statements",
            vec![],
        ))
        .await
        .unwrap();
    assert_eq!(row.unwrap().try_get::<i64>("", "n").unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_cut_off_leaves_no_transaction_open() {
    let pooled = Pooled::new(2).await;
    let db = pooled.open().await;
    for micros in (0..4_000).step_by(40) {
        let _ = tokio::time::timeout(Duration::from_micros(micros), seen(db.load())).await;
    }
    let open =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    let postgres = pooled.bed.database.on_server().unwrap();
    eventually("no open transaction", SOON, async || {
        postgres.psql(open).await.unwrap() == "0"
    })
    .await;
    assert_eq!(seen(db.load()).await.unwrap().len(), 2);
}

/// The value of a setting.
#[async_trait::async_trait]
trait Ask: Sync {
    async fn ask(&self, name: &str) -> String;
}

#[async_trait::async_trait]
impl Ask for Conn {
    async fn ask(&self, name: &str) -> String {
        let sql = statement(self, "SELECT current_setting($1) AS value", vec![name.into()]);
        let row = self.query_one_raw(sql).await.unwrap();
        row.unwrap().try_get("", "value").unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_is_not_named_as_one_is_refused_and_a_migration_needs_a_way_past_it() {
    let pooled = Pooled::new(1).await;
    let clock = pooled.bed.clock.clone();
    let direct = DbConfig::new(pooled.bouncer.url());
    let error = Db::connect(direct, Service::Tenancy, clock.clone())
        .await
        .unwrap_err();
    assert!(error.detail().contains("`pooler = true`"), "{}", error.detail());

    let mut config = pooled.config();
    config.direct = None;
    let db = Db::connect(config, Service::Tenancy, Arc::clone(&clock) as _)
        .await
        .unwrap();
    let error = db.migrate(&support::migrations()).await.unwrap_err();
    assert!(error.detail().contains("`direct_url`"), "{}", error.detail());
    pooled.open().await.migrate(&support::migrations()).await.unwrap();
}
