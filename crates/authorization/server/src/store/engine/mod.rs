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

use bailiwick_authorization_engine::{Arrivals, Arrived, SourceError};
use bailiwick_sql::{Db, Error, follow::Waited};
use bailiwick_types::{ScopeRoot, Service};
use tokio::sync::Mutex;

use super::Products;
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
    products: Products,
    feed: Mutex<Following>,
}

impl SqlSource {
    /// Reads this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            products: Products::default(),
            feed: Mutex::default(),
        }
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
        let waited = self.db.wait_applied(service, epoch, root, revision, within);
        Ok(match waited.await.map_err(source_error)? {
            Waited::Reached => Arrived::Yes,
            Waited::OtherEpoch => Arrived::OtherEpoch,
            Waited::Late => Arrived::NotYet,
        })
    }
}
