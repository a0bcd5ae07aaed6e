//! Changes an account.

use bailiwick_types::{AccountId, Authorized, Clock, Token};

use super::{Account, Missing, NotActive};
use crate::{
    Etag, EtagError, Event, Title,
    store::{Store, StoreError, faults},
};

/// Changes an account.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateAccount {
    /// The account.
    pub account: AccountId,
    /// The new title.
    pub title: Option<Title>,
    /// The new number of seats.
    pub seats: Option<u32>,
    /// The etag that was read.
    pub etag: Etag,
}

/// Why an account could not be changed.
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

/// Changes the account.
///
/// # Errors
/// See [`UpdateError`].
pub async fn update(
    store: &dyn Store,
    clock: &dyn Clock,
    _: &Authorized,
    command: UpdateAccount,
) -> Result<(Account, Token), UpdateError> {
    let mut write = store.write(command.account).await?;
    let mut account = write.lock_account(command.account).await?.ok_or(Missing)?;
    account.ensure_settled()?;
    command.etag.check(account.version)?;
    if let Some(title) = command.title {
        account.title = title;
    }
    if let Some(seats) = command.seats {
        account.seats = seats;
    }
    account.touch(clock.now());
    write.update_account(&account).await?;
    write.emit(Event::Account {
        account: account.clone(),
        created: false,
    });
    let token = write.commit().await?;
    Ok((account, token))
}
