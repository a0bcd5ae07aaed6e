//! Gives a new pair of tokens for a refresh token, which is used up by it (RFC 9700 section 4.14).

use bailiwick_types::{Authorized, ScopeRoot, SessionId, Token};
use secrecy::SecretString;

use super::{Tokens, tokens::give_refresh_token};
use crate::{
    Identity,
    change::Change,
    fault::{fault, no_wait},
    port::{PeerError, StoreError, Unit},
    secret::Digest,
    session::Session,
    signing::MintError,
};

const METHOD: &str = "bailiwick.identity.v1.AuthenticationService/Refresh";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// The refresh token.
    pub refresh_token: SecretString,
    /// What authorization must have seen when it is asked about the membership.
    pub token: Token,
}

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is unknown, used, expired, or of a session or user that is no more: all answer alike.
    #[error("the refresh token is not valid")]
    Invalid,
    /// It was used twice: the session is over.
    #[error("the refresh token is not valid")]
    Reused {
        /// The session that was ended.
        session: SessionId,
    },
    /// The user is no active member of the account any more.
    #[error("the user may not sign in for this account")]
    NotMember,
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
    Invalid => Unauthenticated CredentialsInvalid,
    Reused => Unauthenticated CredentialsInvalid,
    NotMember => PermissionDenied PermissionDenied,
    Mint => Internal Internal,
} [Peer, Store]);
no_wait!(Error);

/// Uses the token up and gives new ones.
///
/// # Errors
/// It is not valid, or the user is no active member of the account any more.
pub async fn run(identity: &Identity, _by: &Authorized, command: &Command) -> Result<Tokens, Error> {
    let digest = Digest::of(&command.refresh_token);
    let row = identity
        .store
        .refresh_token(&digest)
        .await?
        .ok_or(Error::Invalid)?;
    let session = identity.store.session(row.session).await?.ok_or(Error::Invalid)?;
    let now = identity.clock.now();
    if row.used.is_none() && session.is_live(now) && now < row.expires {
        if let Some(account) = session.account
            && !identity
                .members
                .is_active(account, session.user, &command.token)
                .await?
        {
            return Err(Error::NotMember);
        }
    } else if row.used.is_none() {
        return Err(Error::Invalid);
    }
    rotate(identity, &digest, session.id, session.user).await
}

async fn rotate(
    identity: &Identity,
    digest: &Digest,
    id: SessionId,
    user: bailiwick_types::UserId,
) -> Result<Tokens, Error> {
    let root = ScopeRoot::User(user);
    let now = identity.clock.now();
    let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
    let session = unit
        .session_now(id)
        .await?
        .filter(|s| s.is_live(now))
        .ok_or(Error::Invalid)?;
    if !unit.use_refresh_token(digest, now).await? {
        end(&mut *unit, &root, &session, now).await?;
        unit.commit().await?;
        return Err(Error::Reused { session: id });
    }
    if !unit
        .credentials_now(user)
        .await?
        .is_some_and(|known| known.may_sign_in())
    {
        return Err(Error::Invalid);
    }
    let access = identity
        .issuer
        .for_session(&identity.keys.ring(), &*identity.ids, &session, now)?;
    let (refresh, session_expires) = give_refresh_token(identity, &mut *unit, &session, now).await?;
    unit.commit().await?;
    Ok(Tokens {
        access,
        refresh,
        session_expires,
    })
}

async fn end(
    unit: &mut dyn Unit,
    root: &ScopeRoot,
    session: &Session,
    now: bailiwick_types::Timestamp,
) -> Result<(), StoreError> {
    unit.end_session(session.id, now).await?;
    unit.emit(
        root,
        Change::SessionRevoked {
            session: session.id,
            user: session.user,
        },
    )?;
    unit.emit(
        root,
        Change::audited(None, METHOD, format!("session:{}", session.id)),
    )
}
