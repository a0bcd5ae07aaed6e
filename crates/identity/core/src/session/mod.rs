//! Sessions of users: sign-in, the tokens that carry it on, step-up.

pub mod consume_step_up;
pub mod reauthenticate;
pub mod refresh;
pub mod sign_in;
pub mod sign_out;

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{
    AccountId, Authorized, Method, SessionId, StoreError, Subject, Timestamp, UserId, faults,
};
use secrecy::SecretString;

pub use consume_step_up::{consume_step_up, consume_step_up_here};
pub use reauthenticate::reauthenticate;
pub use refresh::refresh;
pub use sign_in::sign_in;
pub use sign_out::sign_out;

use crate::{
    Identity,
    secret::{Digest, SecretKind},
    signing::{AccessToken, MintError},
    store::Write,
};

/// A session: begun by a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id; the `sid` of its access tokens.
    pub id: SessionId,
    /// Its user.
    pub user: UserId,
    /// The account of the sign-in, if it named one.
    pub account: Option<AccountId>,
    /// When it began.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// When it was ended before it expired.
    pub ended: Option<Timestamp>,
    /// The time of the last Reauthenticate, if it was not consumed.
    pub stepped_up: Option<Timestamp>,
}

impl Session {
    /// Whether it was neither ended nor expired.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires
    }
}

/// A stored refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// Its session.
    pub session: SessionId,
    /// When it was issued.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// When it was used.
    pub used: Option<Timestamp>,
}

/// Lifetimes of sessions and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token.
    pub access: Duration,
    /// A session, from its sign-in.
    pub session: Duration,
    /// A session without a refresh.
    pub idle: Duration,
    /// A Reauthenticate, until it is consumed.
    pub step_up: Duration,
    /// The token of a known device.
    pub device: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access: Duration::from_mins(5),
            session: Duration::from_hours(336),
            idle: Duration::from_hours(72),
            step_up: Duration::from_mins(5),
            device: Duration::from_hours(90 * 24),
        }
    }
}

/// A pair of tokens.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token.
    pub refresh: SecretString,
    /// When the session ends unless it is refreshed before.
    pub session_expires: Timestamp,
}

faults! {
    /// Why no tokens are issued.
    IssueError: Mint(MintError), Store(StoreError);
}

/// Issues a pair of tokens for a session and stores the digest of the refresh token, which expires with the
/// session or when it is idle for too long.
async fn issue_pair(
    identity: &Identity,
    write: &mut dyn Write,
    session: &Session,
    now: Timestamp,
) -> Result<TokenPair, IssueError> {
    let (ring, ids) = (identity.keys.ring(), &*identity.ids);
    let access = identity.issuer.for_session(&ring, ids, session, now)?;
    let refresh = SecretKind::Refresh.generate(&*identity.rng);
    let session_expires = now.plus(identity.lifetimes.idle).min(session.expires);
    let stored = RefreshToken {
        digest: Digest::of(&refresh),
        session: session.id,
        created: now,
        expires: session_expires,
        used: None,
    };
    write.insert_refresh_token(&stored).await?;
    Ok(TokenPair {
        access,
        refresh,
        session_expires,
    })
}

/// The user and the session of a caller; nothing for service accounts.
fn own<M: Method>(by: &Authorized<M>) -> Option<(UserId, SessionId)> {
    by.subject().and_then(Subject::user_id).zip(by.caller().session())
}

/// Reads sessions.
#[async_trait]
pub trait Reader {
    /// A session.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// The live sessions of a user.
    async fn live_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError>;
    /// The sessions that were ended since an instant, before they expired.
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError>;
    /// A refresh token, used or not.
    async fn refresh_token(&self, digest: &Digest) -> Result<Option<RefreshToken>, StoreError>;
}

/// Writes sessions. A unit that ends a session holds the root of its user.
#[async_trait]
pub trait Writer {
    /// Adds a session.
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// Ends a session; whether it was live.
    async fn end_session(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError>;
    /// Adds a refresh token.
    async fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError>;
    /// Marks a refresh token as used; whether it was unused and not expired. One of two concurrent calls
    /// succeeds.
    async fn use_refresh_token(&mut self, digest: &Digest, now: Timestamp) -> Result<bool, StoreError>;
    /// Records a Reauthenticate in a session; whether the session is live.
    async fn step_up(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError>;
    /// Consumes the Reauthenticate of a live session, not older than an instant; whether there was one. One
    /// of two concurrent calls succeeds.
    async fn consume_step_up(
        &mut self,
        id: SessionId,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Removes at most `limit` sessions that expired before an instant, with their refresh tokens; their
    /// number.
    async fn purge_sessions(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}
