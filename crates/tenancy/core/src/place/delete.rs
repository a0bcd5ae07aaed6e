//! Deletes an instance or workspace; authorization is told first.

use bailiwick_types::{AccountId, Authorized, Clock, Token};

use super::PlaceId;
use crate::{
    Etag, EtagError,
    account::{Missing, NotEmpty},
    closing::{self, Closing, FinishError},
    peer::Authorization,
    store::{Store, StoreError, faults},
};

/// Deletes a place.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletePlace {
    /// The account it lies in.
    pub account: AccountId,
    /// The place.
    pub id: PlaceId,
    /// The etag that was read.
    pub etag: Etag,
    /// Whether to delete what lies in it too.
    pub force: bool,
}

/// Why a place could not be deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// It was changed since it was read.
    #[error(transparent)]
    Etag(#[from] EtagError),
    /// There are still workspaces in it.
    #[error(transparent)]
    NotEmpty(#[from] NotEmpty),
    /// What was begun could not be finished; the worker goes on with it.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(DeleteError {
    Self::Missing(e) => e, Self::Etag(e) => e, Self::NotEmpty(e) => e, Self::Finish(e) => e, Self::Store(e) => e,
});

/// Deletes the place: commits the intent, tells authorization, commits the change.
///
/// # Errors
/// See [`DeleteError`].
pub async fn delete(
    store: &dyn Store,
    authorization: &dyn Authorization,
    clock: &dyn Clock,
    _: &Authorized,
    command: DeletePlace,
) -> Result<Token, DeleteError> {
    let closing = begin(store, clock, &command).await?;
    Ok(closing::finish(store, authorization, clock, &closing).await?)
}

async fn begin(store: &dyn Store, clock: &dyn Clock, command: &DeletePlace) -> Result<Closing, DeleteError> {
    let mut write = store.write(command.account).await?;
    write.lock_account(command.account).await?.ok_or(Missing)?;
    let mut place = write
        .find_place(command.account, command.id)
        .await?
        .ok_or(Missing)?;
    if let Some(closing) = write.find_closing(command.account, &place.scope()).await? {
        return Ok(closing);
    }
    command.etag.check(place.version)?;
    if let PlaceId::Instance(instance) = place.id
        && !command.force
        && write.has_places(command.account, Some(instance)).await?
    {
        return Err(NotEmpty.into());
    }
    let closing = Closing {
        account: command.account,
        scope: place.scope(),
        version: place.version + 1,
        deleted: true,
        begun: clock.now(),
    };
    place.closing = true;
    write.update_place(&place).await?;
    write.insert_closing(&closing).await?;
    write.commit().await?;
    Ok(closing)
}
