//! The other services.

use async_trait::async_trait;
use bailiwick_types::{AccountId, Code, Fault, Reason, Token, UserId};

/// A peer does not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the authorization service does not answer")]
pub struct PeerError {
    /// What came instead, for the log.
    pub detail: String,
}

impl Fault for PeerError {
    fn code(&self) -> Code {
        Code::Unavailable
    }
    fn reason(&self) -> Reason {
        Reason::DependencyUnavailable
    }
    fn retry_after(&self) -> Option<std::time::Duration> {
        Some(std::time::Duration::from_millis(500))
    }
}

/// Knows who is a member of what: authorization.
#[async_trait]
pub trait Members: Send + Sync + 'static {
    /// Whether the user is an active member of the active account, as seen by somebody who holds the token.
    ///
    /// # Errors
    /// The peer does not answer.
    async fn is_active(&self, account: AccountId, user: UserId, token: &Token) -> Result<bool, PeerError>;
}

/// Why authorization does not close a user.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CloseError {
    /// A rule forbids it: the user is the last one that a scope must have.
    #[error("{message}")]
    Refused {
        /// What it said.
        message: String,
    },
    /// It does not answer.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

/// Takes access away before the change that does so: authorization.
#[async_trait]
pub trait Closer: Send + Sync + 'static {
    /// Denies everything to a user from now on, as its change of that version will.
    ///
    /// # Errors
    /// A rule forbids it, or the peer does not answer.
    async fn close_user(&self, user: UserId, version: u64) -> Result<(), CloseError>;
}
