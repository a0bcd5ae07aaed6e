//! Units of work.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_feed::encode;
use bailiwick_sql::{Conn, Db, ReadTx, WriteTx};
use bailiwick_tenancy_core::{
    Event,
    store::{Reach, Read, Store, StoreError, Write},
};
use bailiwick_types::{AccountId, ScopeRoot, Service, Token};

use super::error::store_error;
use crate::event::change;

/// Tenancy's store.
#[derive(Debug, Clone)]
pub struct SqlStore {
    db: Db,
}

impl SqlStore {
    /// The store in a database that is migrated.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

/// What reading and writing transactions have in common.
#[async_trait]
pub(super) trait Tx: Send + Sync {
    fn conn(&self) -> &Conn;
    /// The epoch that revisions are counted in.
    async fn epoch(&self) -> Result<Arc<str>, StoreError>;
    /// The revision of a root.
    async fn revision(&self, root: &ScopeRoot) -> Result<u64, StoreError>;
}

#[async_trait]
impl Tx for ReadTx {
    fn conn(&self) -> &Conn {
        Self::conn(self)
    }
    async fn epoch(&self) -> Result<Arc<str>, StoreError> {
        Ok(self.standing(&[]).await.map_err(store_error)?.epoch)
    }
    async fn revision(&self, root: &ScopeRoot) -> Result<u64, StoreError> {
        let standing = self
            .standing(std::slice::from_ref(root))
            .await
            .map_err(store_error)?;
        Ok(standing.revisions.first().copied().unwrap_or_default())
    }
}

#[async_trait]
impl Tx for WriteTx {
    fn conn(&self) -> &Conn {
        Self::conn(self)
    }
    async fn epoch(&self) -> Result<Arc<str>, StoreError> {
        Ok(Arc::clone(Self::epoch(self)))
    }
    async fn revision(&self, root: &ScopeRoot) -> Result<u64, StoreError> {
        Self::revision(self, root).map_err(store_error)
    }
}

/// A unit of work; the ports to the aggregates are implemented for it beside their tables.
pub(super) struct Unit<T> {
    tx: T,
    events: Vec<(ScopeRoot, Event)>,
    root: Option<ScopeRoot>,
}

/// A unit of work that writes an account.
pub(super) type WriteUnit = Unit<WriteTx>;

impl<T: Tx> Unit<T> {
    pub(super) fn conn(&self) -> &Conn {
        self.tx.conn()
    }
    /// The token of a revision of an account.
    pub(super) async fn token_at(&self, account: AccountId, revision: u64) -> Result<Token, StoreError> {
        let epoch = self.tx.epoch().await?;
        Ok(Token::of(
            Service::Tenancy,
            &epoch,
            ScopeRoot::Account(account),
            revision,
        ))
    }
    /// The token of all that was written to an account so far.
    pub(super) async fn token_now(&self, account: AccountId) -> Result<Token, StoreError> {
        let revision = self.tx.revision(&ScopeRoot::Account(account)).await?;
        self.token_at(account, revision).await
    }
}

impl WriteUnit {
    /// The account that is written, and the revision that it will have.
    pub(super) fn next(&self) -> Result<(AccountId, u64), StoreError> {
        match &self.root {
            Some(root @ ScopeRoot::Account(account)) => {
                Ok((*account, self.tx.next_revision(root).map_err(store_error)?))
            }
            _ => Err(StoreError::Internal(
                "a unit of work writes without account".into(),
            )),
        }
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn read(&self, reach: Reach) -> Result<Box<dyn Read + Send>, StoreError> {
        let tx = match reach {
            Reach::Account(account) => self.db.begin_read(&ScopeRoot::Account(account)).await,
            Reach::All => self.db.begin_read_across().await,
        };
        Ok(Box::new(Unit {
            tx: tx.map_err(store_error)?,
            events: Vec::new(),
            root: None,
        }))
    }
    async fn write(&self, account: AccountId) -> Result<Box<dyn Write + Send>, StoreError> {
        let root = ScopeRoot::Account(account);
        let tx = self
            .db
            .begin_write(std::slice::from_ref(&root))
            .await
            .map_err(store_error)?;
        Ok(Box::new(Unit {
            tx,
            events: Vec::new(),
            root: Some(root),
        }))
    }
}

#[async_trait]
impl Write for WriteUnit {
    fn emit(&mut self, event: Event) {
        self.events.extend(self.root.clone().map(|root| (root, event)));
    }
    async fn commit(mut self: Box<Self>) -> Result<Token, StoreError> {
        for (root, event) in std::mem::take(&mut self.events) {
            self.tx.emit(&root, encode(change(event))).map_err(store_error)?;
        }
        Ok(self.tx.commit().await.map_err(store_error)?.token())
    }
}
