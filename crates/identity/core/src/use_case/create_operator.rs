//! Makes the first operator: an act on the database, once in the life of a deployment.

use bailiwick_types::{Clock, IdGen, ScopeRoot, Token, UserId};

use crate::{
    change::Change,
    email::Email,
    fault::{fault, no_wait},
    password::{Password, Passwords, PasswordsError},
    port::{Store, StoreError},
    title::DisplayName,
    user::{User, UserState},
};

/// Why there is no operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is one already.
    #[error("the deployment has an operator already")]
    Exists,
    /// Another user has the address.
    #[error("a user with this e-mail address exists")]
    EmailTaken,
    /// The password could not be hashed.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The store did not answer.
    #[error(transparent)]
    Store(StoreError),
}

fault!(Error {
    Exists => FailedPrecondition AlreadyExists,
    EmailTaken => AlreadyExists AlreadyExists,
} [Passwords, Store]);
no_wait!(Error);

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::EmailTaken => Self::EmailTaken,
            other => Self::Store(other),
        }
    }
}

/// Makes the operator. Its address counts as proved.
///
/// # Errors
/// There is one already, or the address is taken.
pub async fn run(
    store: &dyn Store,
    passwords: &Passwords,
    clock: &dyn Clock,
    ids: &dyn IdGen,
    email: &Email,
    password: &Password,
) -> Result<(User, Token), Error> {
    if store.has_operator().await? {
        return Err(Error::Exists);
    }
    let hash = passwords.hash(password).await?;
    let id = UserId::generate(ids);
    let root = ScopeRoot::User(id);
    // Holding the deployment's root, two who try at once do not both succeed.
    let mut unit = store.begin(&[ScopeRoot::Deployment, root.clone()]).await?;
    if unit.has_operator_now().await? {
        return Err(Error::Exists);
    }
    let user = User {
        id,
        email: email.clone(),
        email_verified: true,
        display_name: DisplayName::default(),
        state: UserState::Active,
        operator: true,
        created: clock.now(),
        version: unit.next_revision(&root)?,
    };
    unit.insert_user(&user, Some(&hash)).await?;
    unit.emit(&root, Change::User(user.clone()))?;
    unit.emit(
        &root,
        Change::audited(None, "operator.create", format!("user:{id}")),
    )?;
    let token = unit.commit().await?;
    Ok((user, token))
}
