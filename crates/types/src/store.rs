//! What a store of any service fails with.

use std::{error::Error, sync::Arc};

use crate::{Code, Fault, Reason};

/// What lies behind an error of a store: for the log alone.
type Cause = Arc<dyn Error + Send + Sync>;

/// Why a store did not do what it was asked for. The caller learns the code; the cause goes to the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or not in time.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// A concurrent transaction won; the same call may pass when it is made again.
    #[error("a concurrent change won; retry")]
    Conflict(#[source] Cause),
    /// A unique key is taken: which one. A use case that can meet this says so in its own words.
    #[error("{0} is taken")]
    Taken(&'static str),
    /// A fault of ours: an inconsistent row, a statement that cannot be.
    #[error("the store failed")]
    Internal(#[source] Cause),
}

/// A cause that is only text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Text(String);

impl StoreError {
    /// An inconsistency, or another fault of ours, by its description.
    #[must_use]
    pub fn internal(text: impl Into<String>) -> Self {
        Self::Internal(Arc::new(Text(text.into())))
    }
    /// A conflict by its description.
    #[must_use]
    pub fn conflict(text: impl Into<String>) -> Self {
        Self::Conflict(Arc::new(Text(text.into())))
    }
    /// What lies behind it, for code that knows the store.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable(cause) | Self::Conflict(cause) | Self::Internal(cause) => Some(&**cause),
            Self::Taken(_) => None,
        }
    }
}

impl Fault for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) => Code::Unavailable,
            Self::Conflict(_) => Code::Aborted,
            Self::Taken(_) => Code::AlreadyExists,
            Self::Internal(_) => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Unavailable(_) => Reason::DependencyUnavailable,
            Self::Conflict(_) => Reason::Conflict,
            Self::Taken(_) => Reason::AlreadyExists,
            Self::Internal(_) => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Unavailable(_) => Some(std::time::Duration::from_millis(500)),
            Self::Conflict(_) => Some(std::time::Duration::from_millis(20)),
            Self::Taken(_) | Self::Internal(_) => None,
        }
    }
}
