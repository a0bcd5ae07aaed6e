//! Statements that are no part of a unit of work.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sqlx::PgPool;
use tokio_util::task::TaskTracker;

use crate::{
    address::Place,
    conn::{self, Conn},
    error,
};

/// A connection for single statements, each a snapshot by itself. Through a pooler each runs in a transaction
/// of its own, with its settings in it: the session is another one every time.
pub(crate) struct Autocommit {
    place: Place,
    over: Over,
    tasks: TaskTracker,
}

enum Over {
    Sessions(DatabaseConnection),
    Transactions { pool: PgPool, begin: String },
}

/// What one statement runs on.
enum Once<'a> {
    Session(&'a DatabaseConnection),
    Transaction(Box<Conn>),
}

impl Autocommit {
    /// On sessions that keep what they were started with.
    pub(crate) fn on(place: Place, pool: DatabaseConnection) -> Self {
        let over = Over::Sessions(pool);
        Self {
            place,
            over,
            tasks: TaskTracker::new(),
        }
    }
    /// Through a pooler; `begin` begins a transaction and sets what it needs.
    pub(crate) fn pooled(place: Place, pool: PgPool, begin: String) -> Self {
        let over = Over::Transactions { pool, begin };
        Self {
            place,
            over,
            tasks: TaskTracker::new(),
        }
    }
    pub(crate) async fn close(&self) {
        match &self.over {
            // A pool that is closed twice has nothing to say.
            Over::Sessions(pool) => drop(pool.close_by_ref().await),
            Over::Transactions { pool, .. } => pool.close().await,
        }
    }
    async fn once(&self) -> Result<Once<'_>, DbErr> {
        match &self.over {
            Over::Sessions(pool) => Ok(Once::Session(pool)),
            Over::Transactions { pool, begin } => {
                // Not cancelled with the caller: a connection whose BEGIN is cut off returns to the pool with
                // an open transaction, which keeps one of the pooler's few connections.
                let (pool, begin) = (pool.clone(), begin.clone());
                let begun = self
                    .tasks
                    .spawn(async move { conn::begin_postgres(&pool, begin, false).await });
                let begun = begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed));
                let conn = begun.map_err(|error| self.named(error::of_connection(error)))?;
                Ok(Once::Transaction(Box::new(conn)))
            }
        }
    }
    /// The transaction of a pooler ends with its statement; a failed one is rolled back when it is dropped.
    async fn ended<T>(&self, conn: Conn, done: Result<T, DbErr>) -> Result<T, DbErr> {
        let value = done.map_err(|error| self.named(error))?;
        conn.commit().await.map_err(|error| self.named(error))?;
        Ok(value)
    }
    fn named(&self, error: DbErr) -> DbErr {
        error::named(&self.place, error)
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Autocommit {
    fn get_database_backend(&self) -> DbBackend {
        match &self.over {
            Over::Sessions(pool) => pool.get_database_backend(),
            Over::Transactions { .. } => DbBackend::Postgres,
        }
    }
    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        match self.once().await? {
            Once::Session(pool) => pool.execute_raw(stmt).await.map_err(|error| self.named(error)),
            Once::Transaction(conn) => {
                let done = conn.execute_raw(stmt).await;
                self.ended(*conn, done).await
            }
        }
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self.once().await? {
            Once::Session(pool) => {
                let done = pool.execute_unprepared(sql).await;
                done.map_err(|error| self.named(error))
            }
            Once::Transaction(conn) => {
                let done = conn.execute_unprepared(sql).await;
                self.ended(*conn, done).await
            }
        }
    }
    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self.once().await? {
            Once::Session(pool) => {
                let done = pool.query_one_raw(stmt).await;
                done.map_err(|error| self.named(error))
            }
            Once::Transaction(conn) => {
                let done = conn.query_one_raw(stmt).await;
                self.ended(*conn, done).await
            }
        }
    }
    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self.once().await? {
            Once::Session(pool) => {
                let done = pool.query_all_raw(stmt).await;
                done.map_err(|error| self.named(error))
            }
            Once::Transaction(conn) => {
                let done = conn.query_all_raw(stmt).await;
                self.ended(*conn, done).await
            }
        }
    }
}
