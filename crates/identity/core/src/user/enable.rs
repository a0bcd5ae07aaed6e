//! Gives a disabled user its access back.

use bailiwick_types::{
    Authorized, CallerKind, Refused, ScopeRoot, StoreError, Token, UserId, faults,
    method::identity::EnableUser,
};

use super::{User, UserState};
use crate::{Identity, change::Change};

faults! {
    /// Why the user is not enabled.
    Error: Refused(Refused), Store(StoreError);
    /// A program does not decide who operates the deployment.
    Operator "service accounts cannot enable operators" => PermissionDenied PermissionDenied;
    /// It is being disabled, or loses the operator's role.
    Closing "access is being taken away from the user; retry" => Aborted Conflict, retry 1000;
}

/// Enables the user. An active one stays unchanged.
///
/// # Errors
/// It does not exist, or is being disabled.
pub async fn enable(
    identity: &Identity,
    by: &Authorized<EnableUser>,
    id: UserId,
) -> Result<(User, Token), Error> {
    let root = ScopeRoot::User(id);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let known = write.credentials(id).await?.ok_or(Refused::NotFound("user"))?;
    if known.closing {
        return Err(Error::Closing);
    }
    let mut user = known.user;
    if user.operator && by.caller().kind() == CallerKind::Service {
        return Err(Error::Operator);
    }
    if user.state != UserState::Active {
        user.state = UserState::Active;
        user.version = write.next_revision(&root)?;
        write.update_user(&user).await?;
        // An operator vouches for the user: guesses of before lock nobody out any more.
        write.clear_failures(&user.email.key()).await?;
        write.forget_totp_failures(id).await?;
        write.emit(&root, Change::User(user.clone()))?;
        write.emit(&root, Change::by(by, format!("user:{id}")))?;
    }
    let token = write.commit().await?;
    Ok((user, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Fixture, unknown_user},
        peer::PeerError,
    };

    #[tokio::test]
    async fn a_disabled_user_is_enabled_once() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        super::super::disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        fixture.store.take_changes();
        let by = fixture.operator();
        let (user, _) = enable(&fixture.identity, &by, ada.id).await.unwrap();
        assert_eq!((user.state, user.version), (UserState::Active, 3));
        let audited = Change::by(&by, format!("user:{}", ada.id));
        assert_eq!(
            fixture.store.take_changes(),
            [Change::User(user.clone()), audited]
        );
        assert_eq!(enable(&fixture.identity, &by, ada.id).await.unwrap().0, user);
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn a_service_account_enables_no_operator() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        super::super::disable(&fixture.identity, &fixture.operator(), root.id)
            .await
            .unwrap();
        let refused = enable(&fixture.identity, &fixture.operating_service(), root.id).await;
        assert!(matches!(refused, Err(Error::Operator)), "{refused:?}");
    }

    #[tokio::test]
    async fn an_unknown_user_is_not_found() {
        let fixture = Fixture::new().await;
        let unknown = enable(&fixture.identity, &fixture.operator(), unknown_user()).await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound("user")))),
            "{unknown:?}"
        );
    }

    #[tokio::test]
    async fn a_user_that_is_being_disabled_is_not_enabled() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let unfinished = super::super::disable(&fixture.identity, &fixture.operator(), ada.id).await;
        assert!(unfinished.is_err());
        let refused = enable(&fixture.identity, &fixture.operator(), ada.id).await;
        assert!(matches!(refused, Err(Error::Closing)), "{refused:?}");
    }
}
