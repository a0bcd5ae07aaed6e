//! Why a question was not answered. An error is never a decision.

use std::time::Duration;

use bailiwick_types::{Code, Fault, Reason};

use crate::SourceError;

/// Why a replica does not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplicaError {
    /// There is no such account.
    #[error("the account is not known")]
    UnknownAccount,
    /// The last successful poll of the primary is longer ago than the staleness bound.
    #[error("authorization data exceeds the staleness bound")]
    TooStale,
    /// What the token asks for was not reached in time.
    #[error("the state that the token asks for is not visible yet")]
    NotYetVisible,
    /// The deadline ran out.
    #[error("the deadline was exceeded")]
    DeadlineExceeded,
    /// Too many reads of the database are under way.
    #[error("too many concurrent reads of the database")]
    Overloaded,
    /// The data changed in every round in which it was read.
    #[error("no consistent view could be read; retry")]
    Inconsistent,
    /// The primary does not answer, or its answer cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Fault for ReplicaError {
    fn code(&self) -> Code {
        match self {
            Self::UnknownAccount => Code::PermissionDenied,
            Self::TooStale | Self::NotYetVisible | Self::Inconsistent => Code::Unavailable,
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
            Self::Inconsistent => Reason::Conflict,
            Self::Source(error) => error.reason(),
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooStale => Some(Duration::from_millis(500)),
            Self::NotYetVisible | Self::Overloaded => Some(Duration::from_millis(100)),
            Self::Inconsistent => Some(Duration::from_millis(20)),
            Self::Source(error) => error.retry_after(),
            Self::UnknownAccount | Self::DeadlineExceeded => None,
        }
    }
}
