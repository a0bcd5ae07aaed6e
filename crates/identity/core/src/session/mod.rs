//! Sessions of users: sign-in, the tokens that carry it on, step-up.

mod client;
pub mod consume_step_up;
mod end;
pub mod list;
pub mod reauthenticate;
pub mod refresh;
pub mod revoke;
pub mod revoke_all;
pub mod sign_in;
pub mod sign_out;
mod step_up;

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{
    AccountId, Authorized, Method, ScopeRoot, SessionId, StoreError, Subject, Timestamp, UserId, codes,
    faults,
};
use secrecy::SecretString;

pub use client::{Client, UserAgent};
pub use consume_step_up::{consume_step_up, consume_step_up_here};
pub(crate) use end::end_sessions;
pub use list::list;
pub use reauthenticate::reauthenticate;
pub use refresh::refresh;
pub use revoke::revoke;
pub use revoke_all::revoke_all;
pub use sign_in::{SignedIn, sign_in};
pub use sign_out::sign_out;
pub use step_up::{Consumption, StepUpMethod, StepUpMethodError};

use crate::{
    Identity,
    change::Change,
    device::{self, DeviceToken},
    secret::{Digest, SecretKind},
    signing::{AccessToken, MintError},
    store::Write,
};

/// How many live sessions a user has at most; the oldest ends.
pub const MOST: usize = 50;

/// How the user of a session proved itself when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// With the password.
    Password,
    /// With the password, and a code of the second factor or a recovery code.
    TwoFactors,
}

codes!(Proof { Password = 1, TwoFactors = 2 });

impl Proof {
    /// The claim `amr` (RFC 8176).
    #[must_use]
    pub fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::TwoFactors => &["pwd", "otp"],
        }
    }
    /// The claim `acr`: the authenticator assurance level of NIST SP 800-63B.
    #[must_use]
    pub fn acr(self) -> &'static str {
        match self {
            Self::Password => "aal1",
            Self::TwoFactors => "aal2",
        }
    }
}

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
    /// When it was last refreshed.
    pub refreshed: Option<Timestamp>,
    /// How its user proved itself.
    pub proof: Proof,
    /// Where it began.
    pub client: Client,
}

impl Session {
    /// When it was last given tokens.
    #[must_use]
    pub fn last_use(&self) -> Timestamp {
        self.refreshed.unwrap_or(self.created)
    }

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
    /// When it was used, or revoked because the one that it was made from was used again.
    pub used: Option<Timestamp>,
    /// The refresh token that it was made from.
    pub parent: Option<Digest>,
    /// The id of the access token that was issued together with it.
    pub access: Option<String>,
}

/// The longest lifetime that an access token may be given. One that was issued before a restart may have had
/// this, whatever is configured now.
pub const LONGEST_ACCESS: Duration = Duration::from_hours(1);

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
    parent: Option<Digest>,
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
        parent,
        access: Some(access.id.clone()),
    };
    write.insert_refresh_token(&stored).await?;
    Ok(TokenPair {
        access,
        refresh,
        session_expires,
    })
}

/// What a session begins with.
pub(crate) struct Beginning<'a> {
    pub(crate) user: UserId,
    pub(crate) account: Option<AccountId>,
    pub(crate) proof: Proof,
    pub(crate) client: Client,
    /// The known device of the user.
    pub(crate) device: Option<&'a Digest>,
}

/// A session that began.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) session: SessionId,
    pub(crate) tokens: TokenPair,
    pub(crate) device: DeviceToken,
    /// The sessions that ended, because the user has too many.
    pub(crate) ended: Vec<SessionId>,
}

/// Begins a session, in a unit that holds the root of its user.
pub(crate) async fn begin(
    identity: &Identity,
    write: &mut dyn Write,
    beginning: Beginning<'_>,
    now: Timestamp,
) -> Result<Begun, IssueError> {
    let user = beginning.user;
    let session = Session {
        id: SessionId::generate(&*identity.ids),
        user,
        account: beginning.account,
        created: now,
        expires: now.plus(identity.lifetimes.session),
        ended: None,
        refreshed: None,
        proof: beginning.proof,
        client: beginning.client,
    };
    // In the order in which they began.
    let live = write.live_sessions(user, now).await?;
    let too_many = (live.len() + 1).saturating_sub(MOST);
    let ended = end_sessions(write, user, live.into_iter().take(too_many), now).await?;
    if !ended.is_empty() {
        let audited = Change::by_the_suite("session.trim", format!("user:{user}"));
        write.emit(&ScopeRoot::User(user), audited)?;
    }
    write.insert_session(&session).await?;
    let audited = Change::signed_in(user, session.id, session.account);
    write.emit(&ScopeRoot::User(user), audited)?;
    let device = device::remember(identity, write, user, beginning.device, now).await?;
    let tokens = issue_pair(identity, write, &session, None, now).await?;
    Ok(Begun {
        session: session.id,
        tokens,
        device,
        ended,
    })
}

/// The user and the session of a caller; nothing for service accounts.
pub(crate) fn own<M: Method>(by: &Authorized<M>) -> Option<(UserId, SessionId)> {
    by.subject().and_then(Subject::user_id).zip(by.caller().session())
}

/// Reads sessions.
#[async_trait]
pub trait Reader {
    /// A session.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// The live sessions of a user, in the order in which they began.
    async fn live_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError>;
    /// At most `limit` live sessions of a user that were last given tokens after `idle`, the newest first.
    async fn session_page(
        &self,
        user: UserId,
        after: Option<SessionId>,
        limit: u64,
        now: Timestamp,
        idle: Timestamp,
    ) -> Result<Vec<Session>, StoreError>;
    /// The sessions that were ended since an instant, before they expired.
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError>;
    /// A refresh token, used or not.
    async fn refresh_token(&self, digest: &Digest) -> Result<Option<RefreshToken>, StoreError>;
    /// The refresh token that was made from another one, and was neither used nor revoked.
    async fn unused_child(&self, parent: &Digest) -> Result<Option<RefreshToken>, StoreError>;
    /// The ids of access tokens that were revoked and expire after an instant.
    async fn revoked_tokens(&self, after: Timestamp) -> Result<Vec<String>, StoreError>;
    /// Whether an access token was revoked.
    async fn is_revoked(&self, token: &str) -> Result<bool, StoreError>;
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
    /// Records that a session was refreshed.
    async fn refreshed(&mut self, id: SessionId, now: Timestamp) -> Result<(), StoreError>;
    /// Records that an access token was revoked; whether it was not yet.
    async fn revoke_token(&mut self, token: &str, expires: Timestamp) -> Result<bool, StoreError>;
    /// Records a Reauthenticate for a method in a session; whether the session is live.
    async fn step_up(&mut self, id: SessionId, method: &str, now: Timestamp) -> Result<bool, StoreError>;
    /// Forgets the Reauthenticates of a session.
    async fn forget_step_ups(&mut self, id: SessionId) -> Result<(), StoreError>;
    /// Consumes the Reauthenticate of a live session for a method; whether there was one, or the same request
    /// has consumed one shortly before. One of two concurrent calls with other requests succeeds.
    async fn consume_step_up(&mut self, consumption: &Consumption<'_>) -> Result<bool, StoreError>;
    /// Removes at most `limit` sessions that expired before an instant, with their refresh tokens; their
    /// number.
    async fn purge_sessions(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
    /// Removes at most `limit` refresh tokens, and at most as many records of revoked access tokens, that
    /// expired before an instant; the larger of their numbers.
    async fn purge_tokens(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}
