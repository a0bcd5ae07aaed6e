//! Why credentials are rejected.

use std::time::Duration;

use bailiwick_types::{Code, Fault, Reason};

use crate::peer::RETRY;

/// Why credentials are rejected. The exact cause is never sent to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Invalid, expired, revoked, or issued for another audience.
    #[error("credentials are invalid, expired or revoked")]
    Invalid,
    /// The signing keys are temporarily unavailable.
    #[error("credentials cannot be verified: signing keys are temporarily unavailable")]
    Unavailable,
    /// An internal error.
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
