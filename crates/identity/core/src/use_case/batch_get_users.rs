//! Reads several users at once (AIP-231).

use std::collections::HashMap;

use bailiwick_types::{Authorized, UserId};

use crate::{
    Identity,
    fault::{fault, no_wait},
    port::StoreError,
    user::User,
};

/// The most users of one call.
pub const MAX: usize = 1000;

/// Why there are no users.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One does not exist.
    #[error("there is no user `{user}`")]
    NotFound {
        /// Which.
        user: UserId,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error { NotFound => NotFound NotFound, } [Store]);
no_wait!(Error);

/// Reads the users in the order asked for.
///
/// # Errors
/// One does not exist.
pub async fn run(identity: &Identity, _by: &Authorized, ids: &[UserId]) -> Result<Vec<User>, Error> {
    let found = identity.store.users(ids).await?;
    let by_id: HashMap<UserId, User> = found.into_iter().map(|u| (u.id, u)).collect();
    ids.iter()
        .map(|id| by_id.get(id).cloned().ok_or(Error::NotFound { user: *id }))
        .collect()
}
