//! Reads a user.

use bailiwick_types::{Authorized, Caller, Subject, UserId};

use crate::{
    Identity,
    fault::{fault, no_wait},
    port::StoreError,
    user::User,
};

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

/// Reads the caller's own profile, which asks for no permission.
///
/// # Errors
/// The caller is no user, or does not exist any more.
pub async fn own(identity: &Identity, caller: &Caller) -> Result<User, Error> {
    let user = caller
        .subject()
        .and_then(Subject::user_id)
        .ok_or(Error::NotFound)?;
    identity.store.user(user).await?.ok_or(Error::NotFound)
}
