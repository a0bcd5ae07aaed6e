//! Changes an instance or workspace.

use bailiwick_types::{AccountId, Authorized, Clock, Token};

use super::{Place, PlaceId};
use crate::{
    Etag, EtagError, Event, Title,
    account::{Missing, NotActive},
    store::{Store, StoreError, faults},
};

/// Changes a place.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdatePlace {
    /// The account it lies in.
    pub account: AccountId,
    /// The place.
    pub id: PlaceId,
    /// The new title.
    pub title: Title,
    /// The etag that was read.
    pub etag: Etag,
}

/// Why a place could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// It does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A suspension or deletion is under way.
    #[error(transparent)]
    NotActive(#[from] NotActive),
    /// It was changed since it was read.
    #[error(transparent)]
    Etag(#[from] EtagError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(UpdateError { Self::Missing(e) => e, Self::NotActive(e) => e, Self::Etag(e) => e, Self::Store(e) => e });

/// Changes the place.
///
/// # Errors
/// See [`UpdateError`].
pub async fn update(
    store: &dyn Store,
    clock: &dyn Clock,
    _: &Authorized,
    command: UpdatePlace,
) -> Result<(Place, Token), UpdateError> {
    let mut write = store.write(command.account).await?;
    write.lock_account(command.account).await?.ok_or(Missing)?;
    let mut place = write
        .find_place(command.account, command.id)
        .await?
        .ok_or(Missing)?;
    place.ensure_settled()?;
    command.etag.check(place.version)?;
    place.title = command.title;
    place.version += 1;
    place.updated = clock.now();
    write.update_place(&place).await?;
    write.emit(Event::Place(place.clone()));
    let token = write.commit().await?;
    Ok((place, token))
}
