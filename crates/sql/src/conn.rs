//! The connection of a transaction, and statements on it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement, TransactionOptions, TransactionTrait, Value, Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{Executor, PgPool, Postgres, Transaction};
use tokio::sync::Mutex;

use crate::{Error, error::Cause};

/// Begins a transaction with options that name the mode of SQLite: its default is deferred and fails on a
/// read followed by a write.
#[expect(clippy::disallowed_methods, reason = "the one home of transactions")]
pub(crate) async fn begin(
    pool: &DatabaseConnection,
    options: TransactionOptions,
) -> Result<DatabaseTransaction, DbErr> {
    pool.begin_with_options(options).await
}

/// Begins a transaction of PostgreSQL with a text that sets what it needs too: one round trip. `named` says
/// whether its statements are prepared by name, which a pooler does not keep.
pub(crate) async fn begin_postgres(pool: &PgPool, begin: String, named: bool) -> Result<Conn, sqlx::Error> {
    let tx = pool.begin_with(sqlx::AssertSqlSafe(begin)).await?;
    Ok(Conn::new(Tx::Postgres(Mutex::new(tx), named)))
}

/// The connection of a transaction: runs entities, queries and raw statements, but streams nothing and opens
/// no nested transaction, so that nothing can hold it when the transaction is dropped.
pub struct Conn {
    tx: Tx,
    failed: AtomicBool,
}

enum Tx {
    Sqlite(DatabaseTransaction),
    Postgres(Mutex<Transaction<'static, Postgres>>, bool),
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conn({:?})", self.get_database_backend())
    }
}

impl Conn {
    fn new(tx: Tx) -> Self {
        Self {
            tx,
            failed: AtomicBool::new(false),
        }
    }
    pub(crate) fn of_sqlite(tx: DatabaseTransaction) -> Self {
        Self::new(Tx::Sqlite(tx))
    }
    /// Whether a statement has failed. PostgreSQL answers the commit of such a transaction with
    /// a silent rollback.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self.tx {
            Tx::Sqlite(tx) => tx.commit().await,
            Tx::Postgres(tx, _) => tx.into_inner().commit().await.map_err(query_error),
        }
    }
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self.tx {
            Tx::Sqlite(tx) => tx.rollback().await,
            Tx::Postgres(tx, _) => tx.into_inner().rollback().await.map_err(query_error),
        }
    }
    fn note<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        result
    }
}

/// A statement as the driver takes it; one without a name lives until the next one.
fn query(stmt: &Statement, named: bool) -> sqlx::query::Query<'_, Postgres, SqlxValues> {
    let values = stmt.values.clone().unwrap_or_else(|| Values(Vec::new()));
    sqlx::query_with(sqlx::AssertSqlSafe(stmt.sql.as_str()), SqlxValues(values)).persistent(named)
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

#[async_trait::async_trait]
impl ConnectionTrait for Conn {
    fn get_database_backend(&self) -> DbBackend {
        match &self.tx {
            Tx::Sqlite(_) => DbBackend::Sqlite,
            Tx::Postgres(..) => DbBackend::Postgres,
        }
    }
    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.note(match &self.tx {
            Tx::Sqlite(tx) => tx.execute_raw(stmt).await,
            Tx::Postgres(tx, named) => {
                let mut tx = tx.lock().await;
                let done = query(&stmt, *named).execute(&mut **tx).await;
                done.map(Into::into).map_err(exec_error)
            }
        })
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.note(match &self.tx {
            Tx::Sqlite(tx) => tx.execute_unprepared(sql).await,
            Tx::Postgres(tx, _) => {
                let mut tx = tx.lock().await;
                let done = tx.execute(sqlx::AssertSqlSafe(sql.to_owned())).await;
                done.map(Into::into).map_err(exec_error)
            }
        })
    }
    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(match &self.tx {
            Tx::Sqlite(tx) => tx.query_one_raw(stmt).await,
            Tx::Postgres(tx, named) => {
                let mut tx = tx.lock().await;
                let found = query(&stmt, *named).fetch_optional(&mut **tx).await;
                found.map(|row| row.map(Into::into)).map_err(query_error)
            }
        })
    }
    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(match &self.tx {
            Tx::Sqlite(tx) => tx.query_all_raw(stmt).await,
            Tx::Postgres(tx, named) => {
                let mut tx = tx.lock().await;
                let found = query(&stmt, *named).fetch_all(&mut **tx).await;
                found
                    .map(|rows| rows.into_iter().map(Into::into).collect())
                    .map_err(query_error)
            }
        })
    }
}

/// A statement with `$1`, `$2`... for its values, on both engines.
pub fn statement(conn: &impl ConnectionTrait, sql: impl Into<String>, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(conn.get_database_backend(), sql, values)
}

/// Runs a statement and returns how many rows it changed.
///
/// # Errors
/// The database fails.
pub async fn execute(
    conn: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<u64, Error> {
    Ok(conn
        .execute_raw(statement(conn, sql, values))
        .await?
        .rows_affected())
}

/// Reads rows.
///
/// # Errors
/// The database fails.
pub async fn rows(
    conn: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, Error> {
    Ok(conn.query_all_raw(statement(conn, sql, values)).await?)
}

/// Reads the first row.
pub(crate) async fn row(
    conn: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Option<QueryResult>, Error> {
    Ok(conn.query_one_raw(statement(conn, sql, values)).await?)
}

/// A row of a statement on `feed_state`, which has exactly one.
pub(crate) fn of_feed<R>(row: Option<R>) -> Result<R, Error> {
    row.ok_or(Error::Internal(Cause::text("feed_state has no row")))
}

/// `$FIRST, $FIRST+1, ...`: placeholders for a list of `count` values.
#[must_use]
pub fn placeholders(first: usize, count: usize) -> String {
    let all: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    all.join(", ")
}

/// A number as the databases store it.
pub(crate) fn stored(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

/// A stored number; none of ours is negative.
pub(crate) fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
