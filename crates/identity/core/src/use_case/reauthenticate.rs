//! Proves the password once more in this session: what asks for a step-up takes it, once.

use std::time::Duration;

use bailiwick_types::{Authorized, Subject, Timestamp};
use secrecy::SecretString;

use super::sign_in;
use crate::{Identity, fault::fault, password::PasswordsError, port::StoreError};

/// Why it does not count.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller has no session: it is no user.
    #[error("only a user has a session")]
    NoSession,
    /// The password is wrong, or the session is over.
    #[error("the password is wrong")]
    Wrong,
    /// Too many wrong passwords.
    #[error("too many wrong passwords: try again later")]
    Throttled {
        /// For how long.
        wait: Duration,
    },
    /// The password could not be looked at.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error {
    NoSession => PermissionDenied PermissionDenied,
    Wrong => Unauthenticated CredentialsInvalid,
    Throttled => ResourceExhausted Overloaded,
} [Passwords, Store]);

impl Error {
    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled { wait } => Some(*wait),
            _ => None,
        }
    }
}

/// Notes the proof in the session, and tells until when it serves.
///
/// # Errors
/// The password is wrong, or the caller has no session.
pub async fn run(identity: &Identity, by: &Authorized, password: &SecretString) -> Result<Timestamp, Error> {
    let caller = by.caller();
    let user = caller
        .subject()
        .and_then(Subject::user_id)
        .ok_or(Error::NoSession)?;
    let session = caller.session().ok_or(Error::NoSession)?;
    let known = identity.store.credentials(user).await?.ok_or(Error::Wrong)?;
    let email = known.user.email.key();
    let failures = identity.store.failures(&email).await?;
    if let Some(wait) = identity.throttle.wait(failures, identity.clock.now()) {
        return Err(Error::Throttled { wait });
    }
    let right = identity
        .passwords
        .verify(password, known.password.as_ref())
        .await?;
    if !right || !known.may_sign_in() {
        sign_in::count_failure(identity, &email).await?;
        return Err(Error::Wrong);
    }
    let now = identity.clock.now();
    let mut unit = identity.store.begin(&[]).await?;
    let failures = unit.failures_now(&email).await?;
    if let Some(wait) = identity.throttle.wait(failures, now) {
        return Err(Error::Throttled { wait });
    }
    if failures.is_some() {
        unit.clear_failures(&email).await?;
    }
    if !unit.step_up(session, now).await? {
        return Err(Error::Wrong);
    }
    unit.commit().await?;
    Ok(now.plus(identity.lifetimes.step_up))
}
