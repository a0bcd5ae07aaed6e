//! Gives a disabled user its access back.

use bailiwick_types::{Authorized, ScopeRoot, Token, UserId};

use crate::{
    Identity,
    change::Change,
    fault::fault,
    port::StoreError,
    user::{User, UserState},
};

const METHOD: &str = "bailiwick.identity.v1.UserService/EnableUser";

/// Why the user is not enabled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist.
    #[error("there is no such user")]
    NotFound,
    /// It is being disabled.
    #[error("the user is being disabled")]
    Closing,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error {
    NotFound => NotFound NotFound,
    Closing => Aborted Conflict,
} [Store]);

impl Error {
    fn wait(&self) -> Option<std::time::Duration> {
        matches!(self, Self::Closing).then_some(std::time::Duration::from_secs(1))
    }
}

/// Enables the user; one that is active already stays so.
///
/// # Errors
/// It does not exist, or is being disabled.
pub async fn run(identity: &Identity, by: &Authorized, id: UserId) -> Result<(User, Token), Error> {
    let root = ScopeRoot::User(id);
    let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
    let known = unit.credentials_now(id).await?.ok_or(Error::NotFound)?;
    if known.closing {
        return Err(Error::Closing);
    }
    let mut user = known.user;
    if user.state != UserState::Active {
        user.state = UserState::Active;
        user.version = unit.next_revision(&root)?;
        unit.update_user(&user).await?;
        unit.emit(&root, Change::User(user.clone()))?;
        let actor = by.caller().subject();
        unit.emit(&root, Change::audited(actor, METHOD, format!("user:{id}")))?;
    }
    let token = unit.commit().await?;
    Ok((user, token))
}
