//! Gives access in a suspended account back.

use bailiwick_types::{AccountId, Authorized, Clock, Code, Fault, Reason, Token};

use super::{Account, Missing, NotActive};
use crate::{
    Event, State,
    store::{Store, StoreError, faults},
};

/// The account is not suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the account is not suspended")]
pub struct NotSuspended;

impl Fault for NotSuspended {
    fn code(&self) -> Code {
        Code::FailedPrecondition
    }
    fn reason(&self) -> Reason {
        Reason::Conflict
    }
}

/// Why an account could not be reactivated.
#[derive(Debug, thiserror::Error)]
pub enum ReactivateError {
    /// It does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// It is not suspended.
    #[error(transparent)]
    NotSuspended(#[from] NotSuspended),
    /// A suspension or deletion is under way.
    #[error(transparent)]
    NotActive(#[from] NotActive),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(ReactivateError {
    Self::Missing(e) => e, Self::NotSuspended(e) => e, Self::NotActive(e) => e, Self::Store(e) => e,
});

/// Reactivates the account: what gives access starts here and reaches authorization by the feed.
///
/// # Errors
/// See [`ReactivateError`].
pub async fn reactivate(
    store: &dyn Store,
    clock: &dyn Clock,
    _: &Authorized,
    id: AccountId,
) -> Result<(Account, Token), ReactivateError> {
    let mut write = store.write(id).await?;
    let mut account = write.lock_account(id).await?.ok_or(Missing)?;
    account.ensure_settled()?;
    if account.state != State::Suspended {
        return Err(NotSuspended.into());
    }
    account.state = State::Active;
    account.touch(clock.now());
    write.update_account(&account).await?;
    write.emit(Event::Account {
        account: account.clone(),
        created: false,
    });
    let token = write.commit().await?;
    Ok((account, token))
}
