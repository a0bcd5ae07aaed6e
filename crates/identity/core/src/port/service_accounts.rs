//! Service accounts in the store.

use async_trait::async_trait;
use bailiwick_types::{PageRequest, ServiceAccountId};

use super::StoreError;
use crate::{secret::Digest, service_account::ServiceAccount};

/// Reads service accounts.
#[async_trait]
pub trait ServiceAccountReader {
    /// A service account.
    ///
    /// # Errors
    /// The store does not answer.
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError>;
    /// A service account with the digest of its secret.
    ///
    /// # Errors
    /// The store does not answer.
    async fn service_account_secret(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(ServiceAccount, Digest)>, StoreError>;
    /// All that are disabled.
    ///
    /// # Errors
    /// The store does not answer.
    async fn disabled_service_accounts(&self) -> Result<Vec<ServiceAccountId>, StoreError>;
    /// Service accounts by id.
    ///
    /// # Errors
    /// The store does not answer.
    async fn service_account_page(
        &self,
        page: &PageRequest<ServiceAccountId>,
    ) -> Result<Vec<ServiceAccount>, StoreError>;
}

/// Writes service accounts. The unit holds the deployment's root.
#[async_trait]
pub trait ServiceAccountWriter {
    /// A service account, as the unit sees it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn service_account_now(
        &mut self,
        id: ServiceAccountId,
    ) -> Result<Option<ServiceAccount>, StoreError>;
    /// Adds a service account.
    ///
    /// # Errors
    /// The store does not answer.
    async fn insert_service_account(
        &mut self,
        account: &ServiceAccount,
        secret: &Digest,
    ) -> Result<(), StoreError>;
    /// Writes whether it is enabled, and its version.
    ///
    /// # Errors
    /// The store does not answer.
    async fn update_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError>;
}
