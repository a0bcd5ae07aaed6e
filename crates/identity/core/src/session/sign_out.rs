//! Ends the session of the caller.

use bailiwick_types::{
    Authorized, ScopeRoot, SessionId, StoreError, Token, faults, method::identity::SignOut,
};

use super::{end_sessions, own};
use crate::{Identity, change::Change};

faults! {
    /// Why no session is ended.
    Error: Store(StoreError);
    /// The caller is not a user.
    NoSession "only a user has a session" => PermissionDenied PermissionDenied;
}

/// Ends the session. One that has ended stays unchanged.
///
/// # Errors
/// The caller is not a user.
pub async fn sign_out(identity: &Identity, by: &Authorized<SignOut>) -> Result<(SessionId, Token), Error> {
    let (user, session) = own(by).ok_or(Error::NoSession)?;
    let root = ScopeRoot::User(user);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let ended = end_sessions(&mut *write, user, [session], identity.clock.now()).await?;
    if !ended.is_empty() {
        write.emit(&root, Change::by(by, format!("session:{session}")))?;
    }
    let token = write.commit().await?;
    Ok((session, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::Fixture, session::Reader as _};

    #[tokio::test]
    async fn only_the_session_of_the_caller_is_ended_and_only_once() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (session, other) = (fixture.session(&ada).await, fixture.session(&ada).await);
        fixture.store.take_changes();
        let by = fixture.as_user(&ada, session);
        sign_out(&fixture.identity, &by).await.unwrap();
        let now = fixture.identity.clock.now();
        assert_eq!(fixture.store.live_sessions(ada.id, now).await.unwrap(), [other]);
        let revoked = Change::SessionRevoked {
            session,
            user: ada.id,
        };
        let audited = Change::by(&by, format!("session:{session}"));
        assert_eq!(fixture.store.take_changes(), [revoked, audited]);
        sign_out(&fixture.identity, &by).await.unwrap();
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn a_service_account_has_no_session() {
        let fixture = Fixture::new().await;
        let refused = sign_out(&fixture.identity, &fixture.as_service()).await;
        assert!(matches!(refused, Err(Error::NoSession)), "{refused:?}");
    }
}
