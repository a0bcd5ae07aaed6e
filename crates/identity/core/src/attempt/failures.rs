//! The port to the record of sign-ins that failed.

use bailiwick_types::{AccountId, UserId};

/// Takes note of credentials that were wrong.
pub trait Failures: Send + Sync + 'static {
    /// Somebody tried to sign in as a user, where the address is one's, for an account or for none, and was
    /// refused. It takes no time that would tell whether there is such a user.
    fn sign_in(&self, action: &'static str, user: Option<UserId>, account: Option<AccountId>);
}
