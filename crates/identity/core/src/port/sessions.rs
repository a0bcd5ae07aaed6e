//! Sessions in the store.

use async_trait::async_trait;
use bailiwick_types::{SessionId, Timestamp, UserId};

use super::StoreError;
use crate::{
    secret::Digest,
    session::{RefreshToken, Session},
};

/// Reads sessions.
#[async_trait]
pub trait SessionReader {
    /// A session.
    ///
    /// # Errors
    /// The store does not answer.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// The sessions that were ended before their time since an instant.
    ///
    /// # Errors
    /// The store does not answer.
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError>;
    /// A refresh token, used or not.
    ///
    /// # Errors
    /// The store does not answer.
    async fn refresh_token(&self, digest: &Digest) -> Result<Option<RefreshToken>, StoreError>;
}

/// Writes sessions. Where a session of a user is ended, the unit holds the user's root.
#[async_trait]
pub trait SessionWriter {
    /// Adds a session.
    ///
    /// # Errors
    /// The store does not answer.
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// A session, as the unit sees it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn session_now(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// The live sessions of a user.
    ///
    /// # Errors
    /// The store does not answer.
    async fn live_sessions(&mut self, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError>;
    /// Ends a session; whether it was live.
    ///
    /// # Errors
    /// The store does not answer.
    async fn end_session(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError>;
    /// Adds a refresh token.
    ///
    /// # Errors
    /// The store does not answer.
    async fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError>;
    /// Uses a refresh token up; whether it was there, unused and not expired. Of two calls at once one has it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn use_refresh_token(&mut self, digest: &Digest, now: Timestamp) -> Result<bool, StoreError>;
    /// Notes that the user of a live session proved the password once more; whether the session is live.
    ///
    /// # Errors
    /// The store does not answer.
    async fn step_up(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError>;
    /// Uses up a step-up of a live session that is not older than an instant; whether there was one. Of two calls at
    /// once one has it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn consume_step_up(
        &mut self,
        id: SessionId,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Removes sessions that expired before an instant, with their refresh tokens; how many, at most `limit`.
    ///
    /// # Errors
    /// The store does not answer.
    async fn purge_sessions(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}
