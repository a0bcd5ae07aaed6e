//! Why a question was not answered. An error is never a decision.

use std::time::Duration;

use bailiwick_types::{Code, Fault, Reason};

use super::SourceError;

/// Why a replica does not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplicaError {
    /// There is no such account.
    #[error("the account is not known")]
    UnknownAccount,
    /// The last successful poll of the primary is longer ago than the staleness bound.
    #[error("what decisions are made from is older than it may be")]
    TooStale,
    /// The token asks for more than could be reached in time.
    #[error("what the token asks for is not visible yet")]
    NotYetVisible,
    /// The deadline ran out.
    #[error("the deadline ran out")]
    DeadlineExceeded,
    /// Too much is being read from the database.
    #[error("too many reads at once")]
    Overloaded,
    /// The parts changed faster than they could be read.
    #[error("the data changes faster than it can be read")]
    Restless,
    /// The primary does not answer, or what it says cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Fault for ReplicaError {
    fn code(&self) -> Code {
        match self {
            Self::UnknownAccount => Code::PermissionDenied,
            Self::TooStale | Self::NotYetVisible | Self::Restless => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::Overloaded => Code::ResourceExhausted,
            Self::Source(error) => error.code(),
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::UnknownAccount => Reason::PermissionDenied,
            Self::TooStale => Reason::TooStale,
            Self::NotYetVisible => Reason::NotYetVisible,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::Overloaded => Reason::Overloaded,
            Self::Restless => Reason::Conflict,
            Self::Source(error) => error.reason(),
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooStale => Some(Duration::from_millis(500)),
            Self::NotYetVisible | Self::Overloaded => Some(Duration::from_millis(100)),
            Self::Restless => Some(Duration::from_millis(20)),
            Self::Source(error) => error.retry_after(),
            Self::UnknownAccount | Self::DeadlineExceeded => None,
        }
    }
}
