//! Takes all access in an account away, in authorization first.

use bailiwick_types::{AccountId, Authorized, Clock, Token};

use super::{Account, Missing, NotActive};
use crate::{
    closing::{self, Closing, FinishError},
    peer::Authorization,
    store::{Reach, Store, StoreError, faults},
};

/// Why an account could not be suspended.
#[derive(Debug, thiserror::Error)]
pub enum SuspendError {
    /// It does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// It is not in use.
    #[error(transparent)]
    NotActive(#[from] NotActive),
    /// What was begun could not be finished; the worker goes on with it.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(SuspendError {
    Self::Missing(e) => e, Self::NotActive(e) => e, Self::Finish(e) => e, Self::Store(e) => e,
});

/// Suspends the account: commits the intent, tells authorization, commits the change.
///
/// # Errors
/// See [`SuspendError`].
pub async fn suspend(
    store: &dyn Store,
    authorization: &dyn Authorization,
    clock: &dyn Clock,
    _: &Authorized,
    account: AccountId,
) -> Result<(Account, Token), SuspendError> {
    let closing = begin(store, clock, account).await?;
    let token = closing::finish(store, authorization, clock, &closing).await?;
    let mut read = store.read(Reach::Account(account)).await?;
    let account = read.find_account(account).await?.ok_or(Missing)?;
    Ok((account, token))
}

async fn begin(store: &dyn Store, clock: &dyn Clock, id: AccountId) -> Result<Closing, SuspendError> {
    let mut write = store.write(id).await?;
    let mut account = write.lock_account(id).await?.ok_or(Missing)?;
    if let Some(closing) = write.find_closing(id, &account.scope()).await? {
        return Ok(closing);
    }
    account.ensure_active()?;
    let closing = Closing {
        account: id,
        scope: account.scope(),
        version: account.version + 1,
        deleted: false,
        begun: clock.now(),
    };
    account.closing = true;
    write.update_account(&account).await?;
    write.insert_closing(&closing).await?;
    write.commit().await?;
    Ok(closing)
}
