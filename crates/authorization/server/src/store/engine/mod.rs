//! The engine's source: the statements that read the primary, and the sets, resources and policies that their
//! rows make. Each statement names its account in its text and returns the epoch and the revisions it was
//! read at.

mod content;
mod event;
mod following;
mod lists;
mod outline;
mod parts;
pub(crate) mod people;
#[cfg(test)]
mod plans;
mod reads;
mod resources;
pub(crate) mod snapshot;
mod stamp;

use std::sync::Arc;

use bailiwick_authorization_engine::{
    AccountRef, Arrivals, Arrived, Epoch, Loaded, Outline, OutlineQuery, PartKey, PartsRead, Polled,
    ProductState, Read, Roots, Row, Source, SourceError, Watermark,
};
use bailiwick_policy::PermissionSet;
use bailiwick_sql::{Db, Error};
use bailiwick_types::{AccountId, ProductName, ScopeRoot, Service, Subject};
use tokio::sync::Mutex;

use following::Following;
pub use lists::SqlLists;

/// The engine's error for one of the database.
pub(crate) fn source_error(error: Error) -> SourceError {
    match error {
        Error::Cursor(_) => SourceError::Refused,
        Error::Corrupt(_) | Error::Internal(_) | Error::Schema(_) | Error::Refused(_) => {
            SourceError::Corrupt(error.detail())
        }
        other => SourceError::Unavailable(other.detail()),
    }
}

/// Authorization's own database as the source of a replica.
#[derive(Debug)]
pub struct SqlSource {
    db: Db,
    feed: Mutex<Following>,
}

impl SqlSource {
    /// Reads this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            feed: Mutex::default(),
        }
    }
}

#[async_trait::async_trait]
impl Source for SqlSource {
    async fn load(
        &self,
        account: AccountId,
        since: Option<Watermark>,
        known: &[Arc<ProductState>],
    ) -> Result<Option<Read<Loaded>>, SourceError> {
        self.read_account(account, since, known)
            .await
            .map_err(source_error)
    }

    async fn advance(
        &self,
        account: AccountId,
        product: &ProductName,
        since: Watermark,
    ) -> Result<Read<Option<Vec<Row>>>, SourceError> {
        self.read_rows(account, product, since)
            .await
            .map_err(source_error)
    }

    async fn parts(&self, of: AccountRef<'_>, keys: &[PartKey]) -> Result<Read<PartsRead>, SourceError> {
        self.read_parts(of, keys).await.map_err(source_error)
    }

    async fn candidates(
        &self,
        of: AccountRef<'_>,
        name: &str,
        after: &str,
        limit: usize,
    ) -> Result<Read<(Vec<Box<str>>, PartsRead)>, SourceError> {
        self.read_candidates(of, name, after, limit)
            .await
            .map_err(source_error)
    }

    async fn outline(
        &self,
        account: AccountId,
        product: &ProductName,
        query: OutlineQuery<'_>,
    ) -> Result<Read<Outline>, SourceError> {
        self.read_outline(account, product, query)
            .await
            .map_err(source_error)
    }

    async fn last_changes(
        &self,
        of: AccountRef<'_>,
        keys: &[PartKey],
    ) -> Result<Read<(u64, Vec<u64>)>, SourceError> {
        self.read_last_changes(of, keys).await.map_err(source_error)
    }

    async fn roots(&self, deployment: bool, products: &[ProductName]) -> Result<(Epoch, Roots), SourceError> {
        self.read_roots(deployment, products).await.map_err(source_error)
    }

    async fn deployment_of(&self, subject: &Subject) -> Result<(PermissionSet, bool), SourceError> {
        self.read_deployment_of(subject).await.map_err(source_error)
    }

    async fn poll(&self) -> Result<Polled, SourceError> {
        self.feed.lock().await.poll(&self.db).await.map_err(source_error)
    }

    async fn restart(&self) -> Result<Epoch, SourceError> {
        self.feed.lock().await.begin(&self.db).await.map_err(source_error)
    }
}

/// The other services' changes that authorization has applied.
#[async_trait::async_trait]
impl Arrivals for SqlSource {
    async fn wait(
        &self,
        service: Service,
        root: &ScopeRoot,
        epoch: &str,
        revision: u64,
        within: std::time::Duration,
    ) -> Result<Arrived, SourceError> {
        use bailiwick_sql::follow::Waited;
        Ok(
            match self
                .db
                .wait_applied(service, epoch, root, revision, within)
                .await
                .map_err(source_error)?
            {
                Waited::Reached => Arrived::Yes,
                Waited::OtherEpoch => Arrived::OtherEpoch,
                Waited::Late => Arrived::NotYet,
            },
        )
    }
}
