//! Makes a user.

use bailiwick_types::{Authorized, ScopeRoot, Token, UserId};

use crate::{
    Identity,
    change::Change,
    email::Email,
    fault::{fault, no_wait},
    password::{Password, PasswordsError},
    port::StoreError,
    request::{Answered, RequestId, RequestKey},
    title::DisplayName,
    user::{User, UserState},
};

const METHOD: &str = "bailiwick.identity.v1.UserService/CreateUser";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// E-mail address.
    pub email: Email,
    /// Name for display.
    pub display_name: DisplayName,
    /// Password; none for a user without one.
    pub password: Option<Password>,
    /// Whether the address is known to be the user's.
    pub email_verified: bool,
    /// The client's id of the request.
    pub request_id: Option<RequestId>,
}

/// Why there is no new user.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another user has the address.
    #[error("a user with this e-mail address exists")]
    EmailTaken,
    /// The request id was used for something else.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// The password could not be hashed.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The store did not answer.
    #[error(transparent)]
    Store(StoreError),
}

fault!(Error {
    EmailTaken => AlreadyExists AlreadyExists,
    RequestIdReused => AlreadyExists RequestIdReused,
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

/// Makes the user. A repeated request answers as the first did.
///
/// # Errors
/// The address is taken, or the request id was used for something else.
pub async fn run(identity: &Identity, by: &Authorized, command: &Command) -> Result<(User, Token), Error> {
    let verified = if command.email_verified { "verified" } else { "" };
    let content = [command.email.as_str(), command.display_name.as_str(), verified];
    let request = command
        .request_id
        .map(|id| RequestKey::new(by.caller(), METHOD, id, &content));
    if let Some(request) = &request
        && let Some(answered) = identity.store.answered(request).await?
    {
        return again(identity, command, request, &answered).await;
    }
    match make(identity, by, command, request.as_ref()).await {
        Err(Error::Store(StoreError::RequestRecorded)) => {}
        done => return done,
    }
    // The same request was answered in the meantime.
    let request = request.ok_or(Error::Store(StoreError::RequestRecorded))?;
    let answered = identity
        .store
        .answered(&request)
        .await?
        .ok_or(StoreError::Conflict)?;
    again(identity, command, &request, &answered).await
}

async fn make(
    identity: &Identity,
    by: &Authorized,
    command: &Command,
    request: Option<&RequestKey>,
) -> Result<(User, Token), Error> {
    let password = match &command.password {
        Some(password) => Some(identity.passwords.hash(password).await?),
        None => None,
    };
    let id = UserId::generate(&*identity.ids);
    let root = ScopeRoot::User(id);
    let now = identity.clock.now();
    let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
    if let Some(request) = request {
        unit.record_request(request, &id.to_string(), now).await?;
    }
    let user = User {
        id,
        email: command.email.clone(),
        email_verified: command.email_verified,
        display_name: command.display_name.clone(),
        state: UserState::Active,
        operator: false,
        created: now,
        version: unit.next_revision(&root)?,
    };
    unit.insert_user(&user, password.as_ref()).await?;
    unit.emit(&root, Change::User(user.clone()))?;
    let actor = by.caller().subject();
    unit.emit(&root, Change::audited(actor, METHOD, format!("user:{id}")))?;
    let token = unit.commit().await?;
    Ok((user, token))
}

async fn again(
    identity: &Identity,
    command: &Command,
    request: &RequestKey,
    answered: &Answered,
) -> Result<(User, Token), Error> {
    let lost = || {
        Error::Store(StoreError::Internal(format!(
            "request.made names no user: `{}`",
            answered.made
        )))
    };
    if answered.content != request.content {
        return Err(Error::RequestIdReused);
    }
    let id: UserId = answered.made.parse().map_err(|_| lost())?;
    let known = identity.store.credentials(id).await?.ok_or_else(lost)?;
    let same_password = match &command.password {
        Some(password) => {
            identity
                .passwords
                .verify(password.secret(), known.password.as_ref())
                .await?
        }
        None => known.password.is_none(),
    };
    if !same_password {
        return Err(Error::RequestIdReused);
    }
    let unit = identity.store.begin(&[known.user.root()]).await?;
    let token = unit.commit().await?;
    Ok((known.user, token))
}
