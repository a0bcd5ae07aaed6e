//! Ends all sessions of a user, or all but the caller's own.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, SessionId, StoreError, Token, UserId, faults,
    method::identity::RevokeAllSessions,
};

use super::end::end_sessions;
use crate::{Identity, change::Change};

faults! {
    /// Why no sessions are ended.
    Error: Refused(Refused), Store(StoreError);
}

/// Which sessions to end.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Their user.
    pub user: UserId,
    /// Whether the caller's own goes on.
    pub keep_current: bool,
}

/// Ends the sessions; which they were.
///
/// # Errors
/// There is no such user.
pub async fn revoke_all(
    identity: &Identity,
    by: &Authorized<RevokeAllSessions>,
    command: Command,
) -> Result<(Vec<SessionId>, Token), Error> {
    let Command { user, keep_current } = command;
    let root = ScopeRoot::User(user);
    let now = identity.clock.now();
    let kept = by.caller().session().filter(|_| keep_current);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    if write.user(user).await?.is_none() {
        return Err(Refused::NotFound("user").into());
    }
    let live = write.live_sessions(user, now).await?;
    let others = live.into_iter().filter(|session| Some(*session) != kept);
    let ended = end_sessions(&mut *write, user, others, now).await?;
    if !ended.is_empty() {
        write.emit(&root, Change::by(by, format!("user:{user}")))?;
    }
    let token = write.commit().await?;
    Ok((ended, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::Fixture, session::Reader as _};

    #[tokio::test]
    async fn all_sessions_end_but_the_one_that_is_kept() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let bob = fixture.user("bob@example.com").await;
        let (own, other) = (fixture.session(&ada).await, fixture.session(&ada).await);
        let theirs = fixture.session(&bob).await;
        fixture.store.take_changes();
        let run = async |keep_current| {
            let command = Command {
                user: ada.id,
                keep_current,
            };
            let by = fixture.as_user(&ada, own);
            let done = revoke_all(&fixture.identity, &by, command).await;
            done.unwrap().0
        };
        assert_eq!(run(true).await, [other]);
        assert_eq!(
            fixture.store.take_changes().len(),
            2,
            "the session and the audit entry"
        );
        assert_eq!(run(true).await, []);
        assert_eq!(fixture.store.take_changes(), []);
        assert_eq!(run(false).await, [own]);
        let now = fixture.identity.clock.now();
        assert_eq!(fixture.store.live_sessions(bob.id, now).await.unwrap(), [theirs]);
    }

    #[tokio::test]
    async fn an_operator_has_no_session_of_the_user_to_keep() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let command = Command {
            user: ada.id,
            keep_current: true,
        };
        let by = fixture.operator();
        let (ended, _) = revoke_all(&fixture.identity, &by, command).await.unwrap();
        assert_eq!(ended, [session]);
        let unknown = Command {
            user: crate::fixture::unknown_user(),
            keep_current: false,
        };
        let refused = revoke_all(&fixture.identity, &by, unknown).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
}
