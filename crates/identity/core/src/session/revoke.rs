//! Ends one session of a user.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, SessionId, StoreError, Token, UserId, faults,
    method::identity::RevokeSession,
};

use super::end::end_sessions;
use crate::{Identity, change::Change};

faults! {
    /// Why the session is not ended.
    Error: Refused(Refused), Store(StoreError);
}

/// Ends the session. One that has ended stays unchanged.
///
/// # Errors
/// The user has no such session: somebody else's is as unknown as one that nobody has.
pub async fn revoke(
    identity: &Identity,
    by: &Authorized<RevokeSession>,
    user: UserId,
    session: SessionId,
) -> Result<Token, Error> {
    let root = ScopeRoot::User(user);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let known = write.session(session).await?;
    if known.is_none_or(|known| known.user != user) {
        return Err(Refused::NotFound("session").into());
    }
    let ended = end_sessions(&mut *write, user, [session], identity.clock.now()).await?;
    if !ended.is_empty() {
        write.emit(&root, Change::by(by, format!("session:{session}")))?;
    }
    Ok(write.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::Fixture, session::Reader as _};

    #[tokio::test]
    async fn the_session_ends_once_and_is_told() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (session, other) = (fixture.session(&ada).await, fixture.session(&ada).await);
        fixture.store.take_changes();
        let by = fixture.as_user(&ada, other);
        revoke(&fixture.identity, &by, ada.id, session).await.unwrap();
        let user = ada.id;
        let audited = Change::by(&by, format!("session:{session}"));
        assert_eq!(
            fixture.store.take_changes(),
            [Change::SessionRevoked { session, user }, audited]
        );
        let now = fixture.identity.clock.now();
        assert_eq!(fixture.store.live_sessions(user, now).await.unwrap(), [other]);
        revoke(&fixture.identity, &by, user, session).await.unwrap();
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn the_session_of_somebody_else_is_as_unknown_as_none() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let bob = fixture.user("bob@example.com").await;
        let (own, theirs) = (fixture.session(&ada).await, fixture.session(&bob).await);
        let nobodys = SessionId::from_uuid(uuid::Uuid::from_u128(9));
        for session in [theirs, nobodys] {
            let by = fixture.as_user(&ada, own);
            let refused = revoke(&fixture.identity, &by, ada.id, session).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::NotFound("session")))),
                "{refused:?}"
            );
        }
        let now = fixture.identity.clock.now();
        assert_eq!(fixture.store.live_sessions(bob.id, now).await.unwrap(), [theirs]);
    }
}
