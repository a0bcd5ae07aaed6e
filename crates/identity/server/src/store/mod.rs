//! Identity's database.
#![expect(
    private_bounds,
    reason = "what a statement runs on is known to the stores only"
)]

mod api_key;
mod attempt;
mod device;
mod entity;
mod mail;
mod one_time;
mod request;
mod second_factor;
mod service_account;
mod session;
mod signing_key;
mod snapshot;
mod user;

use async_trait::async_trait;
use bailiwick_identity_core::{
    change::Change,
    store::{Store, Write},
};
use bailiwick_sql::{Db, Error, UniqueKey, WriteTx, rows};
use bailiwick_types::{ScopeRoot, StoreError, Token};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Select};

pub use snapshot::Snapshot;

use crate::events;

const EMAIL: UniqueKey = UniqueKey {
    name: "ux_user_profile__email_key",
    table: "user_profile",
    columns: &["email_key"],
};

/// What statements run on: single reads on the database, those of a unit of work in its transaction. The
/// readers of the aggregates are the same for both.
#[derive(Debug, Clone)]
pub struct Sql<C>(C);

/// The store on a database.
pub type SqlStore = Sql<Db>;

/// A unit of work.
type SqlWrite = Sql<WriteTx>;

/// Has a connection.
trait Connected: Send + Sync {
    fn conn(&self) -> &impl ConnectionTrait;
}

impl Connected for Db {
    fn conn(&self) -> &impl ConnectionTrait {
        self.load()
    }
}

impl Connected for WriteTx {
    fn conn(&self) -> &impl ConnectionTrait {
        Self::conn(self)
    }
}

impl<C: Connected> Sql<C> {
    fn conn(&self) -> &impl ConnectionTrait {
        self.0.conn()
    }
    /// The one row of a query.
    async fn one<E, T>(&self, query: Select<E>) -> Result<Option<T>, StoreError>
    where
        E: EntityTrait,
        T: TryFrom<E::Model, Error = Error>,
    {
        let row = query.one(self.conn()).await.map_err(store_error)?;
        row.map(T::try_from).transpose().map_err(store_error)
    }
    /// All rows of a query.
    async fn all<E, T>(&self, query: Select<E>) -> Result<Vec<T>, StoreError>
    where
        E: EntityTrait,
        T: TryFrom<E::Model, Error = Error>,
    {
        let rows = query.all(self.conn()).await.map_err(store_error)?;
        rows.into_iter()
            .map(|row| T::try_from(row).map_err(store_error))
            .collect()
    }
}

impl SqlStore {
    /// The store on a database, whose schema is there.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self(db)
    }
}

impl SqlWrite {
    async fn insert<A: ActiveModelTrait>(&self, row: impl IntoActiveModel<A>) -> Result<(), StoreError> {
        rows::insert(self.conn(), row).await.map_err(store_error)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn write(&self, roots: &[ScopeRoot]) -> Result<Box<dyn Write>, StoreError> {
        Ok(Box::new(Sql(self.0.begin_write(roots).await?)))
    }
}

#[async_trait]
impl Write for SqlWrite {
    fn next_revision(&self, root: &ScopeRoot) -> Result<u64, StoreError> {
        Ok(self.0.next_revision(root)?)
    }
    fn emit(&mut self, root: &ScopeRoot, change: Change) -> Result<(), StoreError> {
        Ok(self.0.emit(root, events::encode(change))?)
    }
    async fn commit(self: Box<Self>) -> Result<Token, StoreError> {
        Ok(self.0.commit().await?.token())
    }
}

/// Converts an error of the database.
fn store_error(error: impl Into<Error>) -> StoreError {
    let error = error.into();
    if error.violates(&EMAIL) {
        StoreError::Taken("e-mail address")
    } else {
        error.into()
    }
}

/// A number for a column.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A version from a column.
fn version(table: &'static str, row: impl std::fmt::Display, stored: i64) -> Result<u64, Error> {
    u64::try_from(stored).map_err(|_| Error::corrupt(table, "version", row, "is negative"))
}
