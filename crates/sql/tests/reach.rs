//! What is said of a database that cannot be used, and of a role that must not be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{net::TcpListener, sync::Arc, time::Duration};

use bailiwick_sql::{
    Address, Db, DbConfig, Error, Migrations,
    migrate::{append_only, isolate_accounts},
    statement,
};
use bailiwick_testkit::{Fixture, ManualClock, Postgres, TestDb, free_port};
use bailiwick_types::Service;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use sqlx::{Connection, Executor, PgConnection};
use support::{Bed, account, account_id, migrations, write};

async fn connect(config: DbConfig) -> Result<Db, Error> {
    Db::connect(config, Service::Identity, Arc::new(ManualClock::default())).await
}

/// What an operator reads, by the whole chain of causes.
async fn said(url: &str) -> String {
    let mut config = DbConfig::new(url);
    config.acquire_timeout = Duration::from_millis(500);
    connect(config).await.unwrap_err().detail()
}

#[tokio::test]
async fn an_error_of_a_connection_names_server_and_database_once_and_what_is_wrong() {
    let server = Postgres::start().await.unwrap();
    let database = server.new_database().await.unwrap();
    let (url, name) = (database.url(), database.name());
    let port = free_port().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().display();
    // It takes the connection and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap();
    let absent = format!("{}absent", url.strip_suffix(name).unwrap());
    for (url, place, problem) in [
        (
            format!("postgres://u@127.0.0.1:{port}/identity"),
            format!("database `identity` at `127.0.0.1:{port}`: "),
            "connection refused",
        ),
        (
            format!("postgres:///identity?host={socket}&port=5432&user=u"),
            format!("database `identity` at `{socket}/.s.PGSQL.5432`: "),
            "no such file",
        ),
        (
            format!("postgres://u@{silent}/identity"),
            format!("database `identity` at `{silent}`: "),
            "not reachable",
        ),
        (
            "postgres://u@host.invalid/identity".to_owned(),
            "database `identity` at `host.invalid:5432`: ".to_owned(),
            "not reachable",
        ),
        (
            format!("{url}?sslmode=require"),
            format!("database `{name}` at "),
            "TLS failed",
        ),
        (
            absent,
            "database `absent` at ".to_owned(),
            "the database does not exist",
        ),
    ] {
        let said = said(&url).await;
        assert_eq!(said.matches(&place).count(), 1, "{url}: {said}");
        assert!(said.contains(problem), "{url}: {said}");
        assert!(!said.contains(" at line "), "{url}: {said}");
        for problem in [
            "connection refused",
            "no such file",
            "not reachable",
            "TLS failed",
        ] {
            let expected = usize::from(said.contains(problem));
            assert_eq!(said.matches(problem).count(), expected, "{url}: {said}");
        }
    }
    let missing = said(&format!("sqlite://{socket}/nowhere/identity.db")).await;
    assert!(
        missing.contains("no such file") && missing.contains("nowhere/identity.db"),
        "{missing}"
    );
}

#[tokio::test]
async fn what_a_statement_is_told_has_no_line_of_the_server_in_it() {
    let bed = Bed::on(TestDb::postgres().await).await;
    let db = bed.ready().await;
    let error = Error::from(db.load().execute_unprepared("SELECT nothing").await.unwrap_err());
    let detail = error.detail();
    assert!(
        detail.contains("column \"nothing\" does not exist (code 42703)"),
        "{detail}"
    );
    assert!(!detail.contains(" at line "), "{detail}");
}

#[tokio::test]
async fn a_role_that_row_level_security_does_not_hold_for_is_refused_or_named() {
    let database = Postgres::database().await;
    let superuser = DbConfig::new(database.superuser_url());
    let error = connect(superuser.clone()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused(why) if why.contains("`postgres` is a superuser")),
        "{error}"
    );
    let accepted = DbConfig {
        unprotected: true,
        ..superuser
    };
    connect(accepted).await.unwrap();
    let sql = format!("ALTER ROLE {} BYPASSRLS", database.name());
    database.psql(&sql).await.unwrap();
    let error = connect(DbConfig::new(database.url())).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused(why) if why.contains("has BYPASSRLS")),
        "{error}"
    );
}

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

fn things() -> Migrations {
    Migrations::new(Service::Tenancy, vec![Box::new(Things)])
}

#[tokio::test]
async fn a_session_that_has_not_said_whose_rows_it_wants_gets_an_error_and_no_empty_answer() {
    let bed = Bed::on(TestDb::postgres().await).await;
    let db = bed.open().await;
    db.migrate(&things()).await.unwrap();
    let tx = db.begin_write(&[account(1)]).await.unwrap();
    let insert = format!("INSERT INTO thing VALUES ('{}', 'x')", account_id(1).uuid());
    tx.conn().execute_unprepared(&insert).await.unwrap();
    tx.commit().await.unwrap();

    let mut session = PgConnection::connect(&bed.url).await.unwrap();
    let one = format!(
        "SELECT name FROM thing WHERE account = '{}'",
        account_id(1).uuid()
    );
    for sql in ["SELECT name FROM thing", &one, &insert] {
        let came = session.execute(sqlx::AssertSqlSafe(sql)).await;
        assert!(came.is_err(), "{sql}: {came:?}");
    }
    // A setting that a transaction made for itself is empty when it ends, not absent.
    let set = "BEGIN; SELECT set_config('bailiwick.account', '{}', true); COMMIT";
    session.execute(sqlx::raw_sql(set)).await.unwrap();
    for sql in ["SELECT name FROM thing", &one, &insert] {
        let came = session.execute(sqlx::AssertSqlSafe(sql)).await;
        assert!(came.is_err(), "{sql}: {came:?}");
    }
}

#[tokio::test]
async fn the_role_that_serves_has_the_rights_on_rows_and_none_on_the_schema() {
    let bed = Bed::on(TestDb::postgres().await).await;
    let serves = bed.database.on_server().unwrap().another_role().await.unwrap();
    let owner = DbConfig {
        run_time_role: Address::url(serves.as_str()).role().unwrap(),
        ..DbConfig::new(bed.url.as_str())
    };
    let owner = connect(owner).await.unwrap();
    owner.migrate(&migrations()).await.unwrap();
    owner.migrate(&things()).await.unwrap();
    let db = connect(DbConfig::new(serves.as_str())).await.unwrap();
    db.check_schema(&migrations()).await.unwrap();
    assert_eq!(write(&db, &account(1), "one").await, 1);
    let tx = db.begin_write(&[account(1)]).await.unwrap();
    let insert = format!("INSERT INTO thing VALUES ('{}', 'x')", account_id(1).uuid());
    tx.conn().execute_unprepared(&insert).await.unwrap();
    tx.commit().await.unwrap();
    for sql in [
        "ALTER TABLE thing DISABLE ROW LEVEL SECURITY",
        "DROP POLICY account_isolation ON thing",
        "CREATE TABLE mine (x integer)",
        "DELETE FROM schema_migration",
    ] {
        let tx = db.begin_write(&[account(1)]).await.unwrap();
        assert!(tx.conn().execute_unprepared(sql).await.is_err(), "{sql}");
    }
    // Of a table whose rows are only added it may add: what else it tries is no right of its, whoever takes
    // the trigger away.
    let log = ["CREATE TABLE log (x integer)".to_owned()];
    let log = log.into_iter().chain(append_only(DbBackend::Postgres, "log"));
    let disable = "ALTER TABLE log DISABLE TRIGGER tg_append_only".to_owned();
    let tx = owner.begin_write(&[]).await.unwrap();
    for sql in log.chain([disable]) {
        tx.conn().execute_unprepared(&sql).await.unwrap();
    }
    tx.commit().await.unwrap();
    owner.migrate(&things()).await.unwrap();
    let refused = async |sql: &str| {
        let tx = db.begin_write(&[account(1)]).await.unwrap();
        let came = tx.conn().execute_unprepared(sql).await;
        came.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refused("INSERT INTO log VALUES (1)").await, "");
    for sql in ["UPDATE log SET x = 2", "DELETE FROM log", "TRUNCATE log"] {
        let text = refused(sql).await;
        assert!(text.contains("permission denied"), "{sql}: {text}");
    }
    // Neither role compiles its statements, in no session.
    for url in [&bed.url, &serves] {
        let mut session = PgConnection::connect(url).await.unwrap();
        let jit: String = sqlx::query_scalar("SHOW jit")
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(jit, "off");
    }
    let row = db
        .load()
        .query_one_raw(statement(db.load(), "SHOW jit", vec![]))
        .await
        .unwrap();
    assert_eq!(row.unwrap().try_get::<String>("", "jit").unwrap(), "off");
}
