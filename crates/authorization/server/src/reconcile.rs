//! Reconciles the database with those of the other services: for a command that has all three.

use std::sync::Arc;

use bailiwick_authorization_core::{Limits, Ports, StoreError, closing, relocation};
use bailiwick_sql::{
    Db,
    follow::{Compare, FeedSource, Follower, FollowerConfig},
};
use bailiwick_types::{Clock, IdGen, Rng, Service, System};

use crate::{
    SqlStore, Strays,
    follow::{IdentitySink, TenancySink, Tools},
};

pub use bailiwick_authorization_core::{
    Error as RelocationError,
    relocation::{Mover, Relocation},
};
pub use closing::{
    scope::Close as CloseScope, service_account::Close as CloseServiceAccount, user::Close as CloseUser,
    user::Error as CloseUserError,
};

/// The database, as a command reconciles it.
#[derive(Clone)]
pub struct Reconciler {
    db: Db,
    store: SqlStore,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGen>,
    system: System,
}

bailiwick_types::debug_fields!(Reconciler { db });

impl Reconciler {
    /// Of this database, connected, with its schema.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, ids: Arc<dyn IdGen>, system: System) -> Self {
        Self {
            store: SqlStore::new(db.clone()),
            db,
            clock,
            ids,
            system,
        }
    }
    fn tools(&self) -> Tools {
        Tools {
            products: self.store.products(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            system: self.system.clone(),
        }
    }
    /// Compares what is kept of a service with what that has; none of authorization itself.
    #[must_use]
    pub fn comparison(&self, of: Service) -> Option<Arc<dyn Compare>> {
        match of {
            Service::Tenancy => Some(Arc::new(TenancySink(self.tools()))),
            Service::Identity => Some(Arc::new(IdentitySink { tools: self.tools() })),
            Service::Authorization => None,
        }
    }
    /// Follows a service; none of authorization itself.
    #[must_use]
    pub fn follower(&self, of: Service, feed: Arc<dyn FeedSource>, rng: Arc<dyn Rng>) -> Option<Follower> {
        let sink = self.comparison(of)?;
        let config = FollowerConfig::new(of, rng);
        Some(Follower::new(config, self.db.clone(), feed, sink))
    }
    /// What accounts have of users and service accounts.
    #[must_use]
    pub fn strays(&self) -> Strays {
        Strays::new(self.db.clone(), self.system.clone())
    }
    /// Denies everything in a scope, before tenancy closes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn close_scope(&self, close: CloseScope) -> Result<(), StoreError> {
        closing::scope::close_unasked(&self.ports(), &self.system, close).await?;
        Ok(())
    }
    /// Moves what is known of a workspace, before tenancy moves it.
    ///
    /// # Errors
    /// A rule forbids it, or the database fails.
    pub async fn relocate(&self, of: Relocation) -> Result<(), RelocationError> {
        relocation::relocate_unasked(&self.ports(), &self.system, of).await?;
        Ok(())
    }
    /// Denies everything to a user, before identity disables it.
    ///
    /// # Errors
    /// A rule forbids it, or the database fails.
    pub async fn close_user(&self, close: CloseUser) -> Result<(), CloseUserError> {
        closing::user::close_unasked(&self.ports(), &self.system, close).await?;
        Ok(())
    }
    /// Takes the operator's role from a user, before identity does.
    ///
    /// # Errors
    /// The user is the last operator, or the database fails.
    pub async fn close_operator(&self, close: CloseUser) -> Result<(), CloseUserError> {
        closing::operator::close_unasked(&self.ports(), &self.system, close).await?;
        Ok(())
    }
    /// Denies everything to a service account, before identity disables it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn close_service_account(&self, close: CloseServiceAccount) -> Result<(), StoreError> {
        let closed = closing::service_account::close_unasked(&self.ports(), &self.system, close).await;
        closed
            .map(drop)
            .map_err(|closing::service_account::Error::Store(error)| error)
    }
    fn ports(&self) -> Ports {
        Ports {
            store: Arc::new(self.store.clone()),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            // Closing adds nothing to an account, and a move is checked by the service that begins it.
            limits: Limits::default(),
        }
    }
}
