//! The port to the store: units of work that read, and units of work that write one account.

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{AccountId, Code, Fault, Reason, Token};

use crate::{Event, account, closing, place, product, request, settings};

/// What a unit of work may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The rows of one account.
    Account(AccountId),
    /// Rows of all accounts: lists of accounts, unfinished closings.
    All,
}

/// What a store may fail with.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A concurrent write won.
    #[error("a concurrent change won: try again")]
    Conflict,
    /// The database does not answer.
    #[error("the database does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A fault of ours: a broken row, a statement that cannot be.
    #[error("the store is at fault: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Fault for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Conflict => Code::Aborted,
            Self::Unavailable(_) => Code::Unavailable,
            Self::Internal(_) => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Conflict => Reason::Conflict,
            Self::Unavailable(_) => Reason::DependencyUnavailable,
            Self::Internal(_) => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Conflict | Self::Unavailable(_) => Some(Duration::from_millis(100)),
            Self::Internal(_) => None,
        }
    }
}

/// A unit of work that reads.
pub trait Read:
    account::Reader + place::Reader + settings::Reader + product::Reader + request::Reader + closing::Reader
{
}

impl<T> Read for T where
    T: account::Reader
        + place::Reader
        + settings::Reader
        + product::Reader
        + request::Reader
        + closing::Reader
        + ?Sized
{
}

/// A unit of work that writes one account. Dropping it rolls back.
#[async_trait]
pub trait Write:
    Read + account::Writer + place::Writer + settings::Writer + request::Writer + closing::Writer
{
    /// Says what the write changed; all of it becomes one event of the feed.
    fn emit(&mut self, event: Event);
    /// Commits. The answer names the account's revision after the write; a write that emitted nothing counts none up.
    ///
    /// # Errors
    /// Nothing was written.
    async fn commit(self: Box<Self>) -> Result<Token, StoreError>;
}

/// Opens units of work.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Begins to read.
    ///
    /// # Errors
    /// The database does not answer.
    async fn read(&self, reach: Reach) -> Result<Box<dyn Read + Send>, StoreError>;
    /// Begins to write an account.
    ///
    /// # Errors
    /// The database does not answer.
    async fn write(&self, account: AccountId) -> Result<Box<dyn Write + Send>, StoreError>;
}

/// Delegates a use case's error to the errors in it.
macro_rules! faults {
    ($name:ident { $($variant:pat => $inner:expr),* $(,)? }) => {
        impl bailiwick_types::Fault for $name {
            fn code(&self) -> bailiwick_types::Code {
                match self { $($variant => $inner.code(),)* }
            }
            fn reason(&self) -> bailiwick_types::Reason {
                match self { $($variant => $inner.reason(),)* }
            }
            fn metadata(&self) -> Vec<(&'static str, String)> {
                match self { $($variant => $inner.metadata(),)* }
            }
            fn violations(&self) -> &[bailiwick_types::FieldViolation] {
                match self { $($variant => $inner.violations(),)* }
            }
            fn retry_after(&self) -> Option<std::time::Duration> {
                match self { $($variant => $inner.retry_after(),)* }
            }
        }
    };
}
pub(crate) use faults;
