//! Sessions of users, and the refresh tokens that carry them on.

use std::time::Duration;

use bailiwick_types::{AccountId, SessionId, Timestamp, UserId};

use crate::secret::Digest;

/// A session: what a sign-in began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id; the `sid` of its access tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The account it was signed in for.
    pub account: Option<AccountId>,
    /// When it began.
    pub created: Timestamp,
    /// When it ends at the latest.
    pub expires: Timestamp,
    /// When it ended before its time.
    pub ended: Option<Timestamp>,
    /// When its user proved the password once more, where that was not used yet.
    pub stepped_up: Option<Timestamp>,
}

impl Session {
    /// Whether it is still there.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires
    }
}

/// A refresh token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// The session it carries on.
    pub session: SessionId,
    /// When it was given out.
    pub created: Timestamp,
    /// Until when it can be used.
    pub expires: Timestamp,
    /// When it was used.
    pub used: Option<Timestamp>,
}

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token.
    pub access: Duration,
    /// A session, from the sign-in.
    pub session: Duration,
    /// A session in which no token is refreshed.
    pub idle: Duration,
    /// A Reauthenticate that was not used.
    pub step_up: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access: Duration::from_secs(5 * 60),
            session: Duration::from_secs(14 * 24 * 3_600),
            idle: Duration::from_secs(3 * 24 * 3_600),
            step_up: Duration::from_secs(5 * 60),
        }
    }
}
