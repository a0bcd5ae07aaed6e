//! Deletes a user, in authorization first.
//!
//! The intent is committed, authorization takes access away and erases, then everything that identity knows
//! of the user is erased in one write. A crash in between leaves less access and less data, never more;
//! [`crate::upkeep`] finishes the work.

use bailiwick_types::{
    Authorized, Method as _, Refused, ScopeRoot, SessionId, StoreError, Token, UserId, faults,
    method::identity::DeleteUser,
};

use super::{Access, Closing, end_sessions};
use crate::{Identity, change::Change, peer::CloseError};

faults! {
    /// Why the user is not deleted.
    Error: Refused(Refused), Store(StoreError);
    /// Something else is being taken away from the user.
    Closing "access is already being taken away from the user; retry" => Aborted Conflict, retry 1000;
    /// The user is the last holder of a role that must have one. The text is authorization's.
    Holder(String) "{0}" => FailedPrecondition HolderRule;
    /// Authorization does not answer, or mails cannot be erased. The user can no longer sign in, and is
    /// deleted later.
    Later "the user cannot be erased everywhere now; the deletion will be finished"
        => Unavailable DependencyUnavailable, retry 500;
}

/// A user that was deleted.
#[derive(Debug, Clone)]
pub struct Deleted {
    /// The sessions that were ended.
    pub ended: Vec<SessionId>,
    /// The write.
    pub token: Token,
}

/// Deletes the user. One that is deleted stays so.
///
/// # Errors
/// See [`Error`].
pub async fn delete(identity: &Identity, by: &Authorized<DeleteUser>, id: UserId) -> Result<Deleted, Error> {
    let root = ScopeRoot::User(id);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    if write.user(id).await?.is_none() {
        write.deleted(id).await?.ok_or(Refused::NotFound("user"))?;
        let (ended, token) = (Vec::new(), write.commit().await?);
        return Ok(Deleted { ended, token });
    }
    let closing = match write.closing(id).await? {
        Some(closing) if closing.access != Access::Existence => return Err(Error::Closing),
        Some(closing) => closing,
        None => {
            let closing = Closing {
                user: id,
                access: Access::Existence,
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

/// Tells authorization, then erases. Repeated and concurrent calls do no harm.
pub(crate) async fn finish(identity: &Identity, closing: &Closing) -> Result<Deleted, Error> {
    let (id, root) = (closing.user, ScopeRoot::User(closing.user));
    if let Some(user) = identity.store.user(id).await? {
        let told = identity.closer.delete_user(id, closing.version, &user.email);
        match told.await {
            Ok(()) => {}
            Err(CloseError::Peer(_)) => return Err(Error::Later),
            Err(CloseError::Refused(text)) => {
                let mut write = identity.store.write(&[root]).await?;
                // Another call may have been allowed it meanwhile, and erases.
                if write.closing(id).await?.as_ref() == Some(closing) {
                    write.delete_closing(id).await?;
                }
                write.commit().await?;
                return Err(Error::Holder(text));
            }
        }
        // While the address is known. What is sent from now on is erased by its sender.
        let erased = identity.mailer.erase(&user.email).await;
        erased.map_err(|_| Error::Later)?;
    }
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let mut ended = Vec::new();
    if write.closing(id).await?.as_ref() == Some(closing)
        && let Some(user) = write.user(id).await?
    {
        let now = identity.clock.now();
        let version = write.next_revision(&root)?;
        ended = end_sessions(&mut *write, &user, None, now).await?;
        write.clear_failures(&user.email.key()).await?;
        write.erase_mails(&user.email.key()).await?;
        write.erase_user(&user, version, now).await?;
        write.emit(&root, Change::UserDeleted { user: id, version })?;
        let audited = Change::Audited {
            actor: closing.actor.clone(),
            action: DeleteUser::DECLARATION.path.trim_start_matches('/'),
            target: format!("user:{id}"),
            account: None,
        };
        write.emit(&root, audited)?;
    }
    let token = write.commit().await?;
    Ok(Deleted { ended, token })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_testkit::witness::system;
    use bailiwick_types::Subject;

    use super::*;
    use crate::{
        fixture::{Fixture, unknown_user},
        mail::{Kind, Reader as _, notice},
        peer::PeerError,
        session::Reader as _,
        store::Store as _,
        upkeep,
        user::{Reader as _, User, disable},
    };

    async fn intended(fixture: &Fixture, user: &User) -> Closing {
        let closing = Closing {
            access: Access::Existence,
            ..fixture.closing(user)
        };
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&closing).await.unwrap();
        write.commit().await.unwrap();
        closing
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_deleted_user_and_authorization_knows_first() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        notice(&fixture.identity, &mut *write, Kind::PasswordChanged, &ada)
            .await
            .unwrap();
        write.commit().await.unwrap();
        fixture.store.take_changes();
        let by = fixture.operator();
        let done = delete(&fixture.identity, &by, ada.id).await.unwrap();
        assert_eq!(done.ended, [session]);
        let told = fixture.authorization.deleted();
        // The sign-in was the second change.
        assert_eq!(told, [(ada.id, 3, "ada@example.com".to_owned())]);
        assert_eq!(fixture.erased_mails(), ["ada@example.com"]);
        let gone = Change::UserDeleted {
            user: ada.id,
            version: 3,
        };
        let revoked = Change::SessionRevoked {
            session,
            user: ada.id,
        };
        let audited = Change::by(&by, format!("user:{}", ada.id));
        assert_eq!(fixture.store.take_changes(), [revoked, gone, audited]);
        assert_eq!(fixture.store.user(ada.id).await.unwrap(), None);
        assert_eq!(fixture.store.session(session).await.unwrap(), None);
        let later = fixture.clock_in(Duration::from_hours(1));
        assert!(fixture.store.due_mails(later, 10).await.unwrap().is_empty());
        let again = delete(&fixture.identity, &by, ada.id).await.unwrap();
        assert_eq!(again.ended, []);
        assert_eq!(fixture.store.take_changes(), [], "a second time changes nothing");
    }

    #[tokio::test]
    async fn the_address_of_a_deleted_user_is_free() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        delete(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        assert!(
            !fixture
                .signs_in("ada@example.com", crate::fixture::PASSWORD)
                .await
        );
        let next = fixture.user("ada@example.com").await;
        assert_ne!(next.id, ada.id);
        delete(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        assert_eq!(fixture.store.user(next.id).await.unwrap(), Some(next));
    }

    #[tokio::test]
    async fn a_starting_process_still_learns_of_the_sessions_of_a_deleted_user() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        delete(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        let ended = upkeep::recently_ended(&fixture.identity, &system())
            .await
            .unwrap();
        assert_eq!(ended.sessions, [session]);
        fixture
            .clock
            .advance(crate::session::LONGEST_ACCESS + Duration::from_secs(61));
        let ended = upkeep::recently_ended(&fixture.identity, &system())
            .await
            .unwrap();
        assert_eq!(ended.sessions, []);
    }

    #[tokio::test]
    async fn users_delete_themselves() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let by = fixture.as_user(&ada, session);
        delete(&fixture.identity, &by, ada.id).await.unwrap();
        assert_eq!(fixture.store.user(ada.id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_unknown_user_is_not_found() {
        let fixture = Fixture::new().await;
        let unknown = delete(&fixture.identity, &fixture.operator(), unknown_user()).await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound("user")))),
            "{unknown:?}"
        );
    }

    #[tokio::test]
    async fn the_last_holder_of_a_role_stays() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let rule = CloseError::Refused("last admin".to_owned());
        fixture.authorization.fails(rule);
        let refused = delete(&fixture.identity, &fixture.operator(), ada.id).await;
        assert!(
            matches!(&refused, Err(Error::Holder(text)) if text == "last admin"),
            "{refused:?}"
        );
        let known = fixture.store.credentials(ada.id).await.unwrap().unwrap();
        assert!(known.may_sign_in());
        assert_eq!(fixture.erased_mails(), [] as [&str; 0]);
    }

    #[tokio::test]
    async fn a_user_that_is_being_disabled_is_not_deleted_at_the_same_time() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let later = disable(&fixture.identity, &fixture.operator(), ada.id).await;
        assert!(matches!(later, Err(disable::Error::Later)), "{later:?}");
        let refused = delete(&fixture.identity, &fixture.operator(), ada.id).await;
        assert!(matches!(refused, Err(Error::Closing)), "{refused:?}");
        fixture.authorization.answers();
        disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        delete(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn an_interrupted_deletion_is_finished_once_it_is_old() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let later = delete(&fixture.identity, &fixture.operator(), ada.id).await;
        assert!(matches!(later, Err(Error::Later)), "{later:?}");
        assert!(
            !fixture
                .signs_in("ada@example.com", crate::fixture::PASSWORD)
                .await
        );
        fixture.clock.advance(Duration::from_secs(11));
        let failed = upkeep::finish_disablings(&fixture.identity, &system()).await;
        assert!(failed.is_err());
        fixture.authorization.answers();
        let done = upkeep::finish_disablings(&fixture.identity, &system())
            .await
            .unwrap();
        assert_eq!(done, [Subject::user(ada.id)]);
        assert_eq!(fixture.store.user(ada.id).await.unwrap(), None);
        assert_eq!(
            upkeep::finish_disablings(&fixture.identity, &system())
                .await
                .unwrap(),
            []
        );
    }

    #[tokio::test]
    async fn two_that_finish_the_same_deletion_delete_once() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let closing = intended(&fixture, &ada).await;
        fixture.store.take_changes();
        let (one, other) = tokio::join!(
            finish(&fixture.identity, &closing),
            finish(&fixture.identity, &closing)
        );
        one.unwrap();
        other.unwrap();
        let changes = fixture.store.take_changes();
        let told = |change: &&Change| matches!(change, Change::UserDeleted { .. });
        assert_eq!(changes.iter().filter(told).count(), 1, "{changes:?}");
    }
}
