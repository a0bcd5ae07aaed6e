//! Reads an instance or workspace.

use bailiwick_types::{AccountId, Authorized};

use super::{Place, PlaceId};
use crate::{
    account::Missing,
    store::{Reach, Store, StoreError, faults},
};

/// Why a place could not be read.
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

/// Reads a place.
///
/// # Errors
/// It does not exist or the store fails.
pub async fn get(
    store: &dyn Store,
    _: &Authorized,
    account: AccountId,
    id: PlaceId,
) -> Result<Place, GetError> {
    let mut read = store.read(Reach::Account(account)).await?;
    read.find_account(account).await?.ok_or(Missing)?;
    Ok(read.find_place(account, id).await?.ok_or(Missing)?)
}
