//! The port to authorization.

use async_trait::async_trait;
use bailiwick_types::{AccountId, Token, UserId, faults};

faults! {
    /// Why authorization gave no answer.
    #[derive(Clone)]
    PeerError;
    /// It cannot be reached, or failed; the adapter logs the details.
    Unavailable "authorization is temporarily unavailable" => Unavailable DependencyUnavailable, retry 500;
}

/// Answers questions about memberships.
#[async_trait]
pub trait Members: Send + Sync + 'static {
    /// Whether the user is an active member of an active account, at least as fresh as the token.
    async fn is_active(&self, account: AccountId, user: UserId, token: &Token) -> Result<bool, PeerError>;
}

faults! {
    /// Why authorization does not close a user.
    #[derive(Clone)]
    CloseError: Peer(PeerError);
    /// A rule forbids it: the user is the last holder of a role that must have one. The text is
    /// authorization's.
    Refused(String) "{0}" => FailedPrecondition HolderRule;
}

/// Takes access away before the change that does so.
#[async_trait]
pub trait Closer: Send + Sync + 'static {
    /// Denies everything to a user from now on, as the user's change with this version will.
    async fn close_user(&self, user: UserId, version: u64) -> Result<(), CloseError>;
    /// Takes the operator's role from a user from now on, as the user's next change after this version will.
    async fn close_operator(&self, user: UserId, version: u64) -> Result<(), CloseError>;
}
