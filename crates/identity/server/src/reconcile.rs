//! Disablings that were interrupted: for a command that finishes them where no process of the service runs.

use std::sync::Arc;

use bailiwick_identity_core::{
    Identity, upkeep,
    user::{Closing, Reader as _},
};
use bailiwick_types::{StoreError, System, Timestamp};

use crate::{BuildError, Deps, store::SqlStore, wiring::assemble};

/// The interrupted disablings of a database.
#[derive(Clone)]
pub struct Disablings {
    store: SqlStore,
    identity: Arc<Identity>,
    system: System,
}

bailiwick_types::debug_fields!(Disablings { store });

impl Disablings {
    /// Those of a service that is not built: its signing keys are not touched.
    ///
    /// # Errors
    /// The configuration is invalid.
    pub fn new(deps: Deps) -> Result<Self, BuildError> {
        Ok(Self {
            store: SqlStore::new(deps.db.clone()),
            system: deps.system.clone(),
            identity: Arc::new(assemble(deps)?),
        })
    }
    /// Those that began before an instant, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn open(&self, before: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError> {
        self.store.closings(before, limit).await
    }
    /// Finishes those whose call is taken for dead; one that a rule forbids now is withdrawn.
    ///
    /// # Errors
    /// None was finished: the database failed.
    pub async fn finish(&self) -> Result<(), upkeep::Error> {
        upkeep::finish_disablings(&self.identity, &self.system).await?;
        Ok(())
    }
}
