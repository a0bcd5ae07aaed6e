//! Disablings that were interrupted: for a command that finishes them where no process of the service runs.

use std::sync::Arc;

use bailiwick_identity_core::{Identity, service_account::Reader as _, upkeep, user::Reader as _};
use bailiwick_types::{StoreError, Subject, System, Timestamp};

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
            identity: Arc::new(assemble(deps, bailiwick_rpc::Attempts::default())?),
        })
    }
    /// Whose began before an instant, oldest first, at most `limit` users and as many service accounts.
    ///
    /// # Errors
    /// The database fails.
    pub async fn open(&self, before: Timestamp, limit: u64) -> Result<Vec<Subject>, StoreError> {
        let users = self.store.closings(before, limit).await?;
        let services = self.store.service_closings(before, limit).await?;
        let users = users.iter().map(|closing| Subject::user(closing.user));
        Ok(users
            .chain(services.iter().map(|closing| Subject::service(closing.id)))
            .collect())
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
