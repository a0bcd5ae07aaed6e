//! Reads a service account.

use bailiwick_types::{Authorized, ServiceAccountId};

use crate::{
    Identity,
    fault::{fault, no_wait},
    port::StoreError,
    service_account::ServiceAccount,
};

/// Why there is no service account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist.
    #[error("there is no such service account")]
    NotFound,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error { NotFound => NotFound NotFound, } [Store]);
no_wait!(Error);

/// Reads the service account.
///
/// # Errors
/// It does not exist.
pub async fn run(
    identity: &Identity,
    _by: &Authorized,
    id: ServiceAccountId,
) -> Result<ServiceAccount, Error> {
    identity.store.service_account(id).await?.ok_or(Error::NotFound)
}
