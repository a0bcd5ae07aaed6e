//! Takes the operator's role from a user, in authorization first: it keeps the rule that one remains.
//!
//! As [`crate::user::disable`] does it: the intent is committed, authorization is told, then the change is
//! committed; [`crate::upkeep`] finishes what was interrupted.

use bailiwick_types::{
    Authorized, Method as _, Refused, ScopeRoot, StoreError, Token, UserId, faults,
    method::identity::RevokeOperator,
};

use crate::{
    Identity,
    change::Change,
    peer::CloseError,
    user::{Access, Closing},
};

faults! {
    /// Why the role is not taken away.
    Error: Refused(Refused), Store(StoreError);
    /// The user is the last operator. The text is authorization's.
    Holder(String) "{0}" => FailedPrecondition HolderRule;
    /// The user is being disabled.
    Closing "access is already being taken away from the user; retry" => Aborted Conflict, retry 1000;
    /// Authorization does not answer. The user can no longer sign in, and loses the role once authorization
    /// answers.
    Later "authorization is temporarily unavailable; the role will be taken away once it answers"
        => Unavailable DependencyUnavailable, retry 500;
}

/// Takes the role away. A user that is no operator stays unchanged.
///
/// # Errors
/// See [`Error`].
pub async fn revoke(
    identity: &Identity,
    by: &Authorized<RevokeOperator>,
    id: UserId,
) -> Result<Token, Error> {
    let root = ScopeRoot::User(id);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let mut user = write.user(id).await?.ok_or(Refused::NotFound("user"))?;
    if !user.operator {
        return Ok(write.commit().await?);
    }
    let closing = match write.closing(id).await? {
        Some(closing) if closing.access != Access::Operator => return Err(Error::Closing),
        Some(closing) => closing,
        None => {
            // The intent uses the version up: authorization disregards everything up to it, and all of the
            // user is told again with the change.
            user.version = write.next_revision(&root)?;
            write.update_user(&user).await?;
            write.emit(&root, Change::User(user.clone()))?;
            let closing = Closing {
                user: id,
                access: Access::Operator,
                version: user.version,
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
pub(crate) async fn finish(identity: &Identity, closing: &Closing) -> Result<Token, Error> {
    let root = ScopeRoot::User(closing.user);
    match identity
        .closer
        .close_operator(closing.user, closing.version)
        .await
    {
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
    if write.closing(user.id).await?.as_ref() == Some(closing) {
        user.operator = false;
        user.version = write.next_revision(&root)?;
        write.update_user(&user).await?;
        write.delete_closing(user.id).await?;
        let audited = Change::Audited {
            actor: closing.actor.clone(),
            action: RevokeOperator::DECLARATION.path.trim_start_matches('/'),
            target: format!("user:{}", user.id),
            account: None,
        };
        write.emit(&root, Change::User(user))?;
        write.emit(&root, audited)?;
    }
    Ok(write.commit().await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_testkit::witness::system;
    use bailiwick_types::Subject;

    use super::*;
    use crate::{
        fixture::{Fixture, unknown_user},
        peer::PeerError,
        upkeep,
        user::{Reader as _, User, disable, enable},
    };

    async fn run(fixture: &Fixture, id: UserId) -> Result<Token, Error> {
        revoke(&fixture.identity, &fixture.operator(), id).await
    }
    async fn user(fixture: &Fixture, id: UserId) -> User {
        fixture.store.user(id).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn an_operator_loses_the_role_and_authorization_knows_first() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        fixture.store.take_changes();
        run(&fixture, root.id).await.unwrap();
        let after = user(&fixture, root.id).await;
        assert!(!after.operator);
        let closed = fixture.authorization.closed();
        let [(id, version)] = *closed else {
            panic!("{closed:?}")
        };
        assert_eq!(id, root.id);
        // Everything that authorization may still hear up to the version is disregarded there.
        assert!(root.version < version && version < after.version);
        let audited = Change::by(&fixture.operator::<RevokeOperator>(), format!("user:{id}"));
        let told = fixture.store.take_changes();
        assert_eq!(told[1..], [Change::User(after), audited]);
        run(&fixture, root.id).await.unwrap();
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn the_last_operator_keeps_the_role() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        let rule = CloseError::Refused("role `operator` must keep at least one holder".to_owned());
        fixture.authorization.fails(rule);
        let refused = run(&fixture, root.id).await;
        assert!(
            matches!(&refused, Err(Error::Holder(text)) if text.contains("`operator`")),
            "{refused:?}"
        );
        assert!(user(&fixture, root.id).await.operator);
        let known = fixture.store.credentials(root.id).await.unwrap().unwrap();
        assert!(known.may_sign_in());
    }

    #[tokio::test]
    async fn what_was_interrupted_is_finished_and_no_other_change_of_access_comes_between() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let refused = run(&fixture, root.id).await;
        assert!(matches!(refused, Err(Error::Later)), "{refused:?}");
        let refused = disable(&fixture.identity, &fixture.operator(), root.id).await;
        assert!(matches!(refused, Err(disable::Error::Closing)), "{refused:?}");
        let refused = enable(&fixture.identity, &fixture.operator(), root.id).await;
        assert!(matches!(refused, Err(enable::Error::Closing)), "{refused:?}");
        fixture.authorization.answers();
        fixture.clock.advance(Duration::from_secs(11));
        let done = upkeep::finish_disablings(&fixture.identity, &system())
            .await
            .unwrap();
        assert_eq!(done, [Subject::user(root.id)]);
        let after = user(&fixture, root.id).await;
        assert!(!after.operator && after.state == crate::user::UserState::Active);
    }

    #[tokio::test]
    async fn the_role_is_not_taken_from_who_is_being_disabled_or_does_not_exist() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        disable(&fixture.identity, &fixture.operator(), root.id)
            .await
            .unwrap_err();
        let refused = run(&fixture, root.id).await;
        assert!(matches!(refused, Err(Error::Closing)), "{refused:?}");
        let unknown = run(&fixture, unknown_user()).await;
        assert!(matches!(unknown, Err(Error::Refused(_))), "{unknown:?}");
    }
}
