//! Deletes an account with all that lies in it; authorization is told first.

use bailiwick_types::{AccountId, Authorized, Clock, Token};

use super::{Missing, NotEmpty};
use crate::{
    Etag, EtagError,
    closing::{self, Closing, FinishError},
    peer::Authorization,
    store::{Store, StoreError, faults},
};

/// Deletes an account.
#[derive(Debug, Clone, PartialEq)]
pub struct DeleteAccount {
    /// The account.
    pub account: AccountId,
    /// The etag that was read.
    pub etag: Etag,
    /// Whether to delete what lies in it too.
    pub force: bool,
}

/// Why an account could not be deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// It was changed since it was read.
    #[error(transparent)]
    Etag(#[from] EtagError),
    /// There are still places in it.
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

/// Deletes the account: commits the intent, tells authorization, commits the change.
///
/// # Errors
/// See [`DeleteError`].
pub async fn delete(
    store: &dyn Store,
    authorization: &dyn Authorization,
    clock: &dyn Clock,
    _: &Authorized,
    command: DeleteAccount,
) -> Result<Token, DeleteError> {
    loop {
        let closing = begin(store, clock, &command).await?;
        let token = closing::finish(store, authorization, clock, &closing).await?;
        // A suspension that was under way is finished first; then it is deleted.
        if closing.deleted {
            return Ok(token);
        }
    }
}

async fn begin(
    store: &dyn Store,
    clock: &dyn Clock,
    command: &DeleteAccount,
) -> Result<Closing, DeleteError> {
    let mut write = store.write(command.account).await?;
    let mut account = write.lock_account(command.account).await?.ok_or(Missing)?;
    if let Some(closing) = write.find_closing(account.id, &account.scope()).await? {
        return Ok(closing);
    }
    command.etag.check(account.version)?;
    if !command.force && write.has_places(account.id, None).await? {
        return Err(NotEmpty.into());
    }
    let closing = Closing {
        account: account.id,
        scope: account.scope(),
        version: account.version + 1,
        deleted: true,
        begun: clock.now(),
    };
    account.closing = true;
    write.update_account(&account).await?;
    write.insert_closing(&closing).await?;
    write.commit().await?;
    Ok(closing)
}
