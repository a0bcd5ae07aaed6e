//! Identity's database.

mod entity;
mod row;
mod service_accounts;
mod sessions;
mod signing_keys;
mod snapshot;
mod upkeep;
mod users;

use async_trait::async_trait;
use bailiwick_identity_core::{
    change::Change,
    port::{Store, StoreError, Unit},
};
use bailiwick_sql::{Db, UniqueKey, WriteTx};
use bailiwick_types::{ScopeRoot, Token};

pub use snapshot::Snapshot;

use crate::events;

const EMAIL: UniqueKey = UniqueKey {
    name: "ux_user_profile__email_key",
    table: "user_profile",
    columns: &["email_key"],
};
const REQUEST: UniqueKey = UniqueKey {
    name: "answered_request_pkey",
    table: "answered_request",
    columns: &["request"],
};

/// The store on a database.
#[derive(Debug, Clone)]
pub struct SqlStore {
    db: Db,
}

impl SqlStore {
    /// On this database, whose schema is there.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }
}

/// A write on a database.
#[derive(Debug)]
struct SqlUnit {
    tx: WriteTx,
}

#[async_trait]
impl Store for SqlStore {
    async fn begin(&self, roots: &[ScopeRoot]) -> Result<Box<dyn Unit>, StoreError> {
        let tx = self.db.begin_write(roots).await.map_err(failed)?;
        Ok(Box::new(SqlUnit { tx }))
    }
}

#[async_trait]
impl Unit for SqlUnit {
    fn next_revision(&self, root: &ScopeRoot) -> Result<u64, StoreError> {
        self.tx.next_revision(root).map_err(failed)
    }
    fn emit(&mut self, root: &ScopeRoot, change: Change) -> Result<(), StoreError> {
        self.tx.emit(root, events::encode(change)).map_err(failed)
    }
    async fn commit(self: Box<Self>) -> Result<Token, StoreError> {
        Ok(self.tx.commit().await.map_err(failed)?.token())
    }
}

/// What a failure of the database is to a use case.
fn failed(error: impl Into<bailiwick_sql::Error>) -> StoreError {
    use bailiwick_sql::Error;
    let error = error.into();
    match &error {
        Error::Unavailable(_) | Error::OutcomeUnknown(_) => StoreError::Unavailable,
        Error::Conflict(_) => StoreError::Conflict,
        _ if error.violates(&EMAIL) => StoreError::EmailTaken,
        _ if error.violates(&REQUEST) => StoreError::RequestRecorded,
        _ => StoreError::Internal(error.detail()),
    }
}
