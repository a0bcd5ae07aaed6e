//! Takes all access away from a user, in authorization first.
//!
//! The intent is committed, authorization is told, then the change is committed. A crash in between leaves
//! less access, never more; [`crate::upkeep`] finishes the work.

use bailiwick_types::{
    Authorized, CallerKind, Method as _, Refused, ScopeRoot, SessionId, StoreError, Subject, Token, UserId,
    faults, method::identity::DisableUser,
};

use super::{Access, Closing, User, UserState, end_sessions};
use crate::{Identity, change::Change, peer::CloseError};

faults! {
    /// Why the user is not disabled.
    Error: Refused(Refused), Store(StoreError);
    /// The caller is the user: the last operator could disable itself.
    Oneself "users cannot disable themselves" => FailedPrecondition HolderRule;
    /// A program does not decide who operates the deployment.
    Operator "service accounts cannot disable operators" => PermissionDenied PermissionDenied;
    /// The operator's role is being taken away from it.
    Closing "access is already being taken away from the user; retry" => Aborted Conflict, retry 1000;
    /// The user is the last holder of a role that must have one. The text is authorization's.
    Holder(String) "{0}" => FailedPrecondition HolderRule;
    /// Authorization does not answer. The user can no longer sign in, and is disabled once authorization
    /// answers.
    Later "authorization is temporarily unavailable; the user will be disabled once it answers"
        => Unavailable DependencyUnavailable, retry 500;
}

/// A user that was disabled.
#[derive(Debug, Clone)]
pub struct Disabled {
    /// The user.
    pub user: User,
    /// The sessions that were ended.
    pub ended: Vec<SessionId>,
    /// The write.
    pub token: Token,
}

/// Disables the user. A disabled one stays unchanged.
///
/// # Errors
/// See [`Error`].
pub async fn disable(
    identity: &Identity,
    by: &Authorized<DisableUser>,
    id: UserId,
) -> Result<Disabled, Error> {
    let root = ScopeRoot::User(id);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let user = write.user(id).await?.ok_or(Refused::NotFound("user"))?;
    if user.state == UserState::Disabled {
        let (ended, token) = (Vec::new(), write.commit().await?);
        return Ok(Disabled { user, ended, token });
    }
    if by.subject().and_then(Subject::user_id) == Some(id) {
        return Err(Error::Oneself);
    }
    if user.operator && by.caller().kind() == CallerKind::Service {
        return Err(Error::Operator);
    }
    let closing = match write.closing(id).await? {
        Some(closing) if closing.access != Access::All => return Err(Error::Closing),
        Some(closing) => closing,
        None => {
            let closing = Closing {
                user: id,
                access: Access::All,
                version: write.next_revision(&root)?,
                actor: by.subject().map(ToString::to_string).unwrap_or_default(),
                created: identity.clock.now(),
            };
            write.insert_closing(&closing).await?;
            closing
        }
    };
    write.commit().await?;
    finish(identity, &closing).await
}

/// Tells authorization, then commits the change. Repeated and concurrent calls do no harm.
pub(crate) async fn finish(identity: &Identity, closing: &Closing) -> Result<Disabled, Error> {
    let root = ScopeRoot::User(closing.user);
    match identity.closer.close_user(closing.user, closing.version).await {
        Ok(()) => {}
        Err(CloseError::Peer(_)) => return Err(Error::Later),
        Err(CloseError::Refused(text)) => {
            let mut write = identity.store.write(&[root]).await?;
            write.delete_closing(closing.user).await?;
            write.commit().await?;
            return Err(Error::Holder(text));
        }
    }
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let mut user = write.user(closing.user).await?.ok_or(Refused::NotFound("user"))?;
    let mut ended = Vec::new();
    if write.closing(user.id).await?.as_ref() == Some(closing) {
        let now = identity.clock.now();
        user.state = UserState::Disabled;
        user.version = write.next_revision(&root)?;
        write.update_user(&user).await?;
        write.delete_closing(user.id).await?;
        write.emit(&root, Change::User(user.clone()))?;
        ended = end_sessions(&mut *write, &user, None, now).await?;
        write.end_one_time_secrets(user.id).await?;
        let audited = Change::Audited {
            actor: closing.actor.clone(),
            action: DisableUser::DECLARATION.path.trim_start_matches('/'),
            target: format!("user:{}", user.id),
            account: None,
        };
        write.emit(&root, audited)?;
    }
    let token = write.commit().await?;
    Ok(Disabled { user, ended, token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Fixture, unknown_user},
        peer::PeerError,
        store::Store as _,
        user::Reader as _,
    };

    #[tokio::test]
    async fn a_disabled_user_loses_its_sessions_and_authorization_knows_first() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        fixture.store.take_changes();
        let by = fixture.operator();
        let done = disable(&fixture.identity, &by, ada.id).await.unwrap();
        assert_eq!((done.user.state, done.user.version), (UserState::Disabled, 3));
        assert_eq!(done.ended, [session]);
        assert_eq!(fixture.authorization.closed(), [(ada.id, 3)]);
        let audited = Change::by(&by, format!("user:{}", ada.id));
        let revoked = Change::SessionRevoked {
            session,
            user: ada.id,
        };
        assert_eq!(
            fixture.store.take_changes(),
            [Change::User(done.user.clone()), revoked, audited]
        );
        let again = disable(&fixture.identity, &by, ada.id).await.unwrap();
        assert_eq!(again.user, done.user, "a second time changes nothing");
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn an_unknown_user_is_not_found() {
        let fixture = Fixture::new().await;
        let unknown = disable(&fixture.identity, &fixture.operator(), unknown_user()).await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound("user")))),
            "{unknown:?}"
        );
    }

    #[tokio::test]
    async fn users_cannot_disable_themselves() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let own = disable(&fixture.identity, &fixture.as_operator(ada.id), ada.id).await;
        assert!(matches!(own, Err(Error::Oneself)), "{own:?}");
        assert_eq!(fixture.store.user(ada.id).await.unwrap(), Some(ada));
    }

    #[tokio::test]
    async fn a_service_account_disables_no_operator() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let root = fixture.operating_user("root@example.com").await;
        let by = fixture.operating_service();
        let refused = disable(&fixture.identity, &by, root.id).await;
        assert!(matches!(refused, Err(Error::Operator)), "{refused:?}");
        assert_eq!(fixture.store.user(root.id).await.unwrap(), Some(root));
        disable(&fixture.identity, &by, ada.id).await.unwrap();
    }

    #[tokio::test]
    async fn the_last_holder_of_a_role_stays_enabled() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture
            .authorization
            .fails(CloseError::Refused("last admin".to_owned()));
        let refused = disable(&fixture.identity, &fixture.operator(), ada.id).await;
        assert!(
            matches!(&refused, Err(Error::Holder(text)) if text == "last admin"),
            "{refused:?}"
        );
        let known = fixture.store.credentials(ada.id).await.unwrap().unwrap();
        assert!(known.may_sign_in());
        assert_eq!(known.user.version, 1);
    }

    #[tokio::test]
    async fn the_intent_stays_while_authorization_is_unavailable() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let refused = disable(&fixture.identity, &fixture.operator(), ada.id).await;
        assert!(matches!(refused, Err(Error::Later)), "{refused:?}");
        let known = fixture.store.credentials(ada.id).await.unwrap().unwrap();
        assert!(!known.may_sign_in(), "less access, never more");
        assert_eq!(known.user.state, UserState::Active);
        fixture.authorization.answers();
        let done = disable(&fixture.identity, &fixture.another_operator(), ada.id)
            .await
            .unwrap();
        assert_eq!(done.user.state, UserState::Disabled);
        let audited = fixture.store.take_changes().pop();
        let first = Change::by(&fixture.operator::<DisableUser>(), format!("user:{}", ada.id));
        assert_eq!(audited, Some(first), "the first caller is recorded");
    }

    #[tokio::test]
    async fn an_intent_that_was_withdrawn_changes_nothing() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let closing = Closing {
            user: ada.id,
            access: Access::All,
            version: 2,
            actor: String::new(),
            created: fixture.identity.clock.now(),
        };
        let done = finish(&fixture.identity, &closing).await.unwrap();
        assert_eq!(done.user, ada);
        let write = fixture.store.write(&[]).await.unwrap();
        assert_eq!(write.closing(ada.id).await.unwrap(), None);
    }
}
