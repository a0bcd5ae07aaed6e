//! The connection of a transaction, and statements on it.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, TransactionOptions, TransactionTrait, Value,
};

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

/// The connection of a transaction: runs entities, queries and raw statements, but streams nothing and opens
/// no nested transaction, so that nothing can hold it when the transaction is dropped.
#[derive(Debug)]
pub struct Conn {
    tx: DatabaseTransaction,
    failed: AtomicBool,
}

impl Conn {
    pub(crate) fn new(tx: DatabaseTransaction) -> Self {
        Self {
            tx,
            failed: AtomicBool::new(false),
        }
    }
    /// Whether a statement has failed. PostgreSQL answers the commit of such a transaction with
    /// a silent rollback.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
    pub(crate) fn into_inner(self) -> DatabaseTransaction {
        self.tx
    }
    fn note<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        result
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Conn {
    fn get_database_backend(&self) -> DbBackend {
        self.tx.get_database_backend()
    }
    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.note(self.tx.execute_raw(stmt).await)
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.note(self.tx.execute_unprepared(sql).await)
    }
    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(self.tx.query_one_raw(stmt).await)
    }
    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(self.tx.query_all_raw(stmt).await)
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
