//! Signs a user in with e-mail address and password, for an account or for none.

use std::time::Duration;

use bailiwick_types::{AccountId, Authorized, SessionId, Token, UserId};
use secrecy::SecretString;

use super::{Tokens, tokens::give_refresh_token};
use crate::{
    Identity,
    email::{Email, EmailKey},
    fault::fault,
    password::PasswordsError,
    port::{PeerError, StoreError},
    session::Session,
    signing::MintError,
};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// E-mail address.
    pub email: Email,
    /// Password.
    pub password: SecretString,
    /// The account to sign in for.
    pub account: Option<AccountId>,
    /// What authorization must have seen when it is asked about the membership.
    pub token: Token,
}

/// A user that is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The tokens.
    pub tokens: Tokens,
    /// Where the user is known as it is now: a new user has not reached the other services when it signs in first.
    pub token: Token,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such user, it may not sign in, or the password is wrong: all answer alike.
    #[error("e-mail address or password is wrong")]
    Wrong,
    /// Too many wrong passwords.
    #[error("too many wrong passwords: try again later")]
    Throttled {
        /// For how long.
        wait: Duration,
    },
    /// The user is right, but no active member of the account.
    #[error("the user may not sign in for this account")]
    NotMember,
    /// The password could not be looked at.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// Authorization does not answer.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// No token could be issued.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error {
    Wrong => Unauthenticated CredentialsInvalid,
    Throttled => ResourceExhausted Overloaded,
    NotMember => PermissionDenied PermissionDenied,
    Mint => Internal Internal,
} [Passwords, Peer, Store]);

impl Error {
    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled { wait } => Some(*wait),
            _ => None,
        }
    }
}

/// Signs the user in.
///
/// # Errors
/// The credentials are wrong, or the user is no active member of the account.
pub async fn run(identity: &Identity, _by: &Authorized, command: &Command) -> Result<SignedIn, Error> {
    let email = command.email.key();
    refuse_throttled(identity, &email).await?;
    let known = identity.store.credentials_by_email(&email).await?;
    let stored = known.as_ref().and_then(|k| k.password.as_ref());
    let right = identity.passwords.verify(&command.password, stored).await?;
    let user = match known {
        Some(known) if right && known.may_sign_in() => known.user.id,
        _ => {
            count_failure(identity, &email).await?;
            return Err(Error::Wrong);
        }
    };
    if let Some(account) = command.account
        && !identity.members.is_active(account, user, &command.token).await?
    {
        return Err(Error::NotMember);
    }
    let session = begin_session(identity, user, &email, command.account).await?;
    Ok(session)
}

async fn begin_session(
    identity: &Identity,
    user: UserId,
    email: &EmailKey,
    account: Option<AccountId>,
) -> Result<SignedIn, Error> {
    let now = identity.clock.now();
    let session = Session {
        id: SessionId::generate(&*identity.ids),
        user,
        account,
        created: now,
        expires: now.plus(identity.lifetimes.session),
        ended: None,
        stepped_up: None,
    };
    let access = identity
        .issuer
        .for_session(&identity.keys.ring(), &*identity.ids, &session, now)?;
    // Holding the user's root, a sign-in comes before or after a disabling, not into the middle of it.
    let mut unit = identity
        .store
        .begin(&[bailiwick_types::ScopeRoot::User(user)])
        .await?;
    let still = unit.credentials_now(user).await?;
    if !still.is_some_and(|known| known.may_sign_in()) {
        return Err(Error::Wrong);
    }
    // Guesses that ran at once do not get past the limit together.
    let failures = unit.failures_now(email).await?;
    if let Some(wait) = identity.throttle.wait(failures, now) {
        return Err(Error::Throttled { wait });
    }
    if failures.is_some() {
        unit.clear_failures(email).await?;
    }
    unit.insert_session(&session).await?;
    let (refresh, session_expires) = give_refresh_token(identity, &mut *unit, &session, now).await?;
    let token = unit.commit().await?;
    Ok(SignedIn {
        user,
        session: session.id,
        token,
        tokens: Tokens {
            access,
            refresh,
            session_expires,
        },
    })
}

/// Refuses where too many passwords were wrong.
pub(super) async fn refuse_throttled(identity: &Identity, email: &EmailKey) -> Result<(), Error> {
    let failures = identity.store.failures(email).await?;
    match identity.throttle.wait(failures, identity.clock.now()) {
        Some(wait) => Err(Error::Throttled { wait }),
        None => Ok(()),
    }
}

/// Counts a wrong password.
pub(super) async fn count_failure(identity: &Identity, email: &EmailKey) -> Result<(), StoreError> {
    let mut unit = identity.store.begin(&[]).await?;
    unit.count_failure(email, identity.throttle.window, identity.clock.now())
        .await?;
    unit.commit().await?;
    Ok(())
}
