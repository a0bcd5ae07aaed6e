//! Reads an account.

use bailiwick_types::{AccountId, Authorized};

use super::{Account, Missing};
use crate::store::{Reach, Store, StoreError, faults};

/// Why an account could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// It does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(GetError { Self::Missing(e) => e, Self::Store(e) => e });

/// Reads an account.
///
/// # Errors
/// It does not exist or the store fails.
pub async fn get(store: &dyn Store, _: &Authorized, id: AccountId) -> Result<Account, GetError> {
    let mut read = store.read(Reach::Account(id)).await?;
    Ok(read.find_account(id).await?.ok_or(Missing)?)
}
