//! Why credentials do not count.

use std::time::Duration;

use bailiwick_types::{Code, Fault, Reason};

use crate::peer::RETRY;

/// Why credentials do not count. What exactly is wrong with them goes to no caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// False, expired, revoked, or made for another audience.
    #[error("the credentials are false, expired or revoked")]
    Invalid,
    /// The keys cannot be had now.
    #[error("the credentials cannot be verified now")]
    Unavailable,
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl Fault for AuthError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid => Code::Unauthenticated,
            Self::Unavailable => Code::Unavailable,
            Self::Internal(_) => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Invalid => Reason::CredentialsInvalid,
            Self::Unavailable => Reason::DependencyUnavailable,
            Self::Internal(_) => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Unavailable).then_some(RETRY)
    }
}
