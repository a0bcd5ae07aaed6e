//! Ends sessions: every service hears of each by the feed.

use bailiwick_types::{ScopeRoot, SessionId, StoreError, Timestamp, UserId};

use crate::{change::Change, store::Write};

/// Ends those of the sessions that are live, in a unit that holds the root of their user; which these are.
pub(crate) async fn end_sessions(
    write: &mut dyn Write,
    user: UserId,
    sessions: impl IntoIterator<Item = SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let root = ScopeRoot::User(user);
    let mut ended = Vec::new();
    for session in sessions {
        if write.end_session(session, now).await? {
            write.emit(&root, Change::SessionRevoked { session, user })?;
            ended.push(session);
        }
    }
    Ok(ended)
}
