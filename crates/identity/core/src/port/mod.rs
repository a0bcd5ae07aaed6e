//! What the use cases need from outside.
//!
//! Reading and writing are different types: single reads are snapshots by themselves, everything that changes something
//! goes through one [`Unit`], which is undone when it is dropped before its commit.

mod peers;
mod service_accounts;
mod sessions;
mod signing_keys;
mod upkeep;
mod users;

use async_trait::async_trait;
use bailiwick_types::{Code, Fault, Reason, ScopeRoot, Token};

pub use peers::{CloseError, Closer, Members, PeerError};
pub use service_accounts::{ServiceAccountReader, ServiceAccountWriter};
pub use sessions::{SessionReader, SessionWriter};
pub use signing_keys::{SigningKeyReader, SigningKeyWriter};
pub use upkeep::{AttemptReader, AttemptWriter, Failures, RequestReader, RequestWriter};
pub use users::{UserReader, UserWriter};

use crate::change::Change;

/// Why the store could not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It is away.
    #[error("the database does not answer")]
    Unavailable,
    /// Another write came in between; the same call may pass when it is made again.
    #[error("another change came in between")]
    Conflict,
    /// The e-mail address is another user's.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The request id was recorded in between; the same call answers from the record.
    #[error("the request id was used in between")]
    RequestRecorded,
    /// A fault of ours: the text is for the log.
    #[error("{0}")]
    Internal(String),
}

impl Fault for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Unavailable => Code::Unavailable,
            Self::Conflict | Self::RequestRecorded => Code::Aborted,
            Self::EmailTaken => Code::AlreadyExists,
            Self::Internal(_) => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Unavailable => Reason::DependencyUnavailable,
            Self::Conflict | Self::RequestRecorded => Reason::Conflict,
            Self::EmailTaken => Reason::AlreadyExists,
            Self::Internal(_) => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Unavailable => Some(std::time::Duration::from_millis(500)),
            Self::Conflict | Self::RequestRecorded => Some(std::time::Duration::from_millis(20)),
            _ => None,
        }
    }
}

/// One write: all of it or nothing.
#[async_trait]
pub trait Unit:
    UserWriter + SessionWriter + ServiceAccountWriter + SigningKeyWriter + AttemptWriter + RequestWriter + Send
{
    /// The revision that this write gives a root, where it emits a change for it.
    ///
    /// # Errors
    /// The unit was not begun with the root.
    fn next_revision(&self, root: &ScopeRoot) -> Result<u64, StoreError>;
    /// Tells the others of a change once the write is committed.
    ///
    /// # Errors
    /// The unit was not begun with the root.
    fn emit(&mut self, root: &ScopeRoot, change: Change) -> Result<(), StoreError>;
    /// Commits. The token names every root that the unit was begun with.
    ///
    /// # Errors
    /// Nothing was changed, or it is not known whether it was.
    async fn commit(self: Box<Self>) -> Result<Token, StoreError>;
}

/// Where everything is kept.
#[async_trait]
pub trait Store:
    UserReader
    + SessionReader
    + ServiceAccountReader
    + SigningKeyReader
    + AttemptReader
    + RequestReader
    + Send
    + Sync
    + 'static
{
    /// Begins to write, holding the revisions of the roots: two writes that hold one root come one after the other.
    ///
    /// # Errors
    /// The store does not answer, or a lock was not had in time.
    async fn begin(&self, roots: &[ScopeRoot]) -> Result<Box<dyn Unit>, StoreError>;
}
