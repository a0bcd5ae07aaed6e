//! What takes access away: an intent is committed with the version that the change will have, authorization is told, then
//! the change is committed. A crash in between leaves less access, never more, and a worker finishes it.

use async_trait::async_trait;
use bailiwick_types::{AccountId, Clock, Scope, Timestamp, Token};

use crate::{
    Event, State,
    peer::{Authorization, PeerError},
    place::PlaceId,
    store::{Reach, Store, StoreError, faults},
};

/// A suspension or deletion that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The account.
    pub account: AccountId,
    /// What is being closed: the account, an instance or a workspace of it.
    pub scope: Scope,
    /// The version that it will have.
    pub version: u64,
    /// Whether it is being deleted; else it is being suspended.
    pub deleted: bool,
    /// When it was begun.
    pub begun: Timestamp,
}

impl Closing {
    /// The state that it leads to.
    #[must_use]
    pub fn state(&self) -> State {
        if self.deleted {
            State::Deleted
        } else {
            State::Suspended
        }
    }
}

/// Reads what is under way.
#[async_trait]
pub trait Reader {
    /// What is under way on a scope.
    ///
    /// # Errors
    /// The database fails.
    async fn find_closing(
        &mut self,
        account: AccountId,
        scope: &Scope,
    ) -> Result<Option<Closing>, StoreError>;
    /// What was begun up to an instant and is not finished, oldest first; of all accounts.
    ///
    /// # Errors
    /// The database fails.
    async fn unfinished(&mut self, begun_until: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError>;
    /// The token of all that was written to the account so far.
    ///
    /// # Errors
    /// The database fails.
    async fn token(&mut self, account: AccountId) -> Result<Token, StoreError>;
}

/// Keeps what is under way.
#[async_trait]
pub trait Writer {
    /// Keeps an intent.
    ///
    /// # Errors
    /// The database fails.
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError>;
    /// Forgets an intent; false where there was none.
    ///
    /// # Errors
    /// The database fails.
    async fn remove_closing(&mut self, closing: &Closing) -> Result<bool, StoreError>;
}

/// Why what was begun could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Authorization did not take it in.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(FinishError { Self::Peer(e) => e, Self::Store(e) => e });

/// Tells authorization and commits the change. Doing it twice, or twice at a time, changes nothing more.
///
/// # Errors
/// Authorization or the store fails; what was begun stays.
pub async fn finish(
    store: &dyn Store,
    authorization: &dyn Authorization,
    clock: &dyn Clock,
    closing: &Closing,
) -> Result<Token, FinishError> {
    let seen = store
        .read(Reach::Account(closing.account))
        .await?
        .token(closing.account)
        .await?;
    authorization.close_scope(closing, &seen).await?;
    Ok(apply(store, clock, closing).await?)
}

/// Commits the change of which authorization was told.
async fn apply(store: &dyn Store, clock: &dyn Clock, closing: &Closing) -> Result<Token, StoreError> {
    let mut write = store.write(closing.account).await?;
    let account = write.lock_account(closing.account).await?;
    if !write.remove_closing(closing).await? {
        // Somebody else has finished it.
        return write.token(closing.account).await;
    }
    let now = clock.now();
    match PlaceId::of_scope(&closing.scope) {
        None => {
            if let Some(mut account) = account {
                account.state = closing.state();
                account.version = closing.version;
                account.updated = now;
                account.closing = false;
                write.update_account(&account).await?;
                write.emit(Event::Account {
                    account,
                    created: false,
                });
            }
        }
        Some(id) => {
            if let Some(mut place) = write.find_place(closing.account, id).await? {
                place.state = closing.state();
                place.version = closing.version;
                place.updated = now;
                place.closing = false;
                write.update_place(&place).await?;
                write.emit(Event::Place(place));
            }
        }
    }
    write.commit().await
}
