//! The port to the authorization service, which closes a scope before tenancy commits the change.

use async_trait::async_trait;
use bailiwick_types::{Token, faults};

use crate::closing::Closing;

faults! {
    /// Why authorization did not close a scope.
    PeerError;
    /// It does not answer, or has not seen the scope yet: the worker retries.
    Unavailable(String) "authorization is not available: {0}" => Unavailable DependencyUnavailable, retry 200;
    /// It refused a call that it must accept.
    Refused(String) "authorization refused the call: {0}" => Internal Internal;
}

/// Tells authorization which access ends, before the change is committed here.
#[async_trait]
pub trait Authorization: Send + Sync + 'static {
    /// Closes a scope, once authorization has seen the revisions of `seen`.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    async fn close_scope(&self, closing: &Closing, seen: &Token) -> Result<(), PeerError>;
}
