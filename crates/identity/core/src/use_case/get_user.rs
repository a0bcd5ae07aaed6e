//! Reads a user.

use bailiwick_types::{Authorized, UserId};

use crate::{Identity, fault::{fault, no_wait}, port::StoreError, user::User};

/// Why there is no user.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist.
    #[error("there is no such user")]
    NotFound,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error { NotFound => NotFound NotFound, } [Store]);
no_wait!(Error);

/// Reads the user.
///
/// # Errors
/// It does not exist.
pub async fn run(identity: &Identity, _by: &Authorized, user: UserId) -> Result<User, Error> {
    identity.store.user(user).await?.ok_or(Error::NotFound)
}
