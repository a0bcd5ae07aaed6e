//! The authorization service, as far as tenancy has to tell it something before it acts.

use async_trait::async_trait;
use bailiwick_types::{Code, Fault, Reason, Token};

use crate::closing::Closing;

/// Why authorization did not take it in.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It does not answer, or has not got there yet: the worker tries again.
    #[error("authorization does not answer: {0}")]
    Unavailable(String),
    /// It answered what it must not.
    #[error("authorization refused: {0}")]
    Refused(String),
}

impl Fault for PeerError {
    fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) => Code::Unavailable,
            Self::Refused(_) => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Unavailable(_) => Reason::DependencyUnavailable,
            Self::Refused(_) => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<std::time::Duration> {
        matches!(self, Self::Unavailable(_)).then_some(std::time::Duration::from_millis(200))
    }
}

/// Tells authorization what takes access away, before it counts here.
#[async_trait]
pub trait Authorization: Send + Sync + 'static {
    /// Closes a scope, once authorization has seen what `seen` names.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    async fn close_scope(&self, closing: &Closing, seen: &Token) -> Result<(), PeerError>;
}
