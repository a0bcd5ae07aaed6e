//! Changes the password of the caller.

use bailiwick_types::{Authorized, SessionId, StoreError, Token, faults, method::identity::ChangePassword};
use secrecy::SecretString;

use super::end_sessions;
use crate::{
    Identity,
    attempt::{self, AttemptError, Guesser},
    change::Change,
    mail::{self, Kind, MailError},
    one_time,
    password::{NewPassword, NewPasswordError, Password, Standing},
    session,
};

/// The passwords.
#[derive(Debug, Clone)]
pub struct Command {
    /// The present one.
    pub old: SecretString,
    /// The new one.
    pub new: Password,
}

faults! {
    /// Why the password is not changed.
    Error: Attempt(AttemptError), New(NewPasswordError), Mail(MailError), Store(StoreError);
    /// The caller is not a user.
    NoSession "only a user has a password" => PermissionDenied PermissionDenied;
    /// The present password is wrong, or the session has ended.
    Wrong "the password is wrong" => Unauthenticated CredentialsInvalid;
}

/// A user with a new password.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The sessions that were ended.
    pub ended: Vec<SessionId>,
    /// The write.
    pub token: Token,
}

/// Changes the password and ends the other sessions. The present password is limited as at Reauthenticate: a
/// stolen session must not serve to guess it.
///
/// # Errors
/// See [`Error`].
pub async fn change_password(
    identity: &Identity,
    by: &Authorized<ChangePassword>,
    command: &Command,
) -> Result<Changed, Error> {
    let (user, session) = session::own(by).ok_or(Error::NoSession)?;
    let known = identity.store.credentials(user).await?.ok_or(Error::Wrong)?;
    let _lane = identity.passwords.lane(user).await.map_err(AttemptError::from)?;
    let attempt = attempt::guess(identity, Guesser::SignedIn(session)).await?;
    let right = attempt
        .verify(identity, &command.old, known.password.as_ref())
        .await?;
    if !right || !known.may_sign_in() {
        return Err(Error::Wrong);
    }
    let hash = identity.passwords.hash(NewPassword {
        password: &command.new,
        field: "new_password",
        standing: Standing::Alone,
        own: known.user.own_words(),
    });
    let hash = match hash.await {
        Ok(hash) => hash,
        Err(error) => {
            attempt.cancel(identity).await?;
            return Err(error.into());
        }
    };
    let now = identity.clock.now();
    let root = known.user.root();
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let present = write.credentials(user).await?;
    let same = present.is_some_and(|present| present.may_sign_in() && present.has_password_of(&known));
    let live = write.session(session).await?.is_some_and(|own| own.is_live(now));
    if !same || !live {
        return Err(Error::Wrong);
    }
    attempt.succeed(&mut *write).await?;
    write.set_password(user, &hash).await?;
    one_time::end_all(identity, &mut *write, &known.user, now).await?;
    // What was proved with the old password serves no more.
    write.forget_step_ups(session).await?;
    let ended = end_sessions(&mut *write, &known.user, Some(session), now).await?;
    write.emit(&root, Change::by(by, format!("user:{user}")))?;
    mail::notice(identity, &mut *write, Kind::PasswordChanged, &known.user).await?;
    let token = write.commit().await?;
    identity.outbox.wake();
    Ok(Changed { ended, token })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_types::Fault as _;

    use super::*;
    use crate::{
        device::recognize,
        fixture::{Fixture, PASSWORD},
        session::{
            Reader as _, consume_step_up, consume_step_up_here,
            reauthenticate::tests::{GRANT, step_up},
            sign_out,
        },
        store::Store as _,
        user::{User, request_password_reset::ask},
    };

    const NEW: &str = "a password that nobody knows";

    fn command(old: &str, new: &str) -> Command {
        Command {
            old: old.into(),
            new: Password::parse(new.into()).unwrap(),
        }
    }
    async fn ada(fixture: &Fixture) -> (User, SessionId) {
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        (ada, session)
    }

    #[tokio::test]
    async fn the_new_password_serves_and_the_other_sessions_end() {
        let fixture = Fixture::new().await;
        let (ada, session) = ada(&fixture).await;
        let other = fixture.session(&ada).await;
        fixture.store.take_changes();
        let by = fixture.as_user(&ada, session);
        let done = change_password(&fixture.identity, &by, &command(PASSWORD, NEW))
            .await
            .unwrap();
        assert_eq!(done.ended, [other]);
        let now = fixture.identity.clock.now();
        assert_eq!(fixture.store.live_sessions(ada.id, now).await.unwrap(), [session]);
        let revoked = Change::SessionRevoked {
            session: other,
            user: ada.id,
        };
        let audited = Change::by(&by, format!("user:{}", ada.id));
        assert_eq!(fixture.store.take_changes(), [revoked, audited]);
        assert!(!fixture.signs_in("ada@example.com", PASSWORD).await);
        assert!(fixture.signs_in("ada@example.com", NEW).await);
        let letters = fixture.deliver().await;
        assert_eq!((letters.len(), letters[0].kind), (1, Kind::PasswordChanged));
    }

    #[tokio::test]
    async fn what_was_proved_with_the_old_password_serves_no_more() {
        let fixture = Fixture::new().await;
        let (ada, session) = ada(&fixture).await;
        step_up(&fixture, &ada, session, GRANT).await;
        let by = fixture.as_user(&ada, session);
        change_password(&fixture.identity, &by, &command(PASSWORD, NEW))
            .await
            .unwrap();
        let consume = consume_step_up::Command {
            session,
            method: GRANT.to_owned(),
            request: bailiwick_types::RequestDigest([1; 32]),
        };
        let system = bailiwick_testkit::witness::system();
        let consumed = consume_step_up_here(&fixture.identity, &system, &consume).await;
        assert!(
            matches!(consumed, Err(consume_step_up::Error::Missing)),
            "{consumed:?}"
        );
    }

    #[tokio::test]
    async fn a_reset_that_was_asked_for_before_and_not_mailed_yet_is_dropped() {
        let fixture = Fixture::new().await;
        let (ada, session) = ada(&fixture).await;
        ask(&fixture, "ada@example.com").await;
        fixture.clock.advance(Duration::from_secs(1));
        let by = fixture.as_user(&ada, session);
        change_password(&fixture.identity, &by, &command(PASSWORD, NEW))
            .await
            .unwrap();
        let kinds = async || -> Vec<Kind> {
            let letters = fixture.deliver().await;
            letters.iter().map(|letter| letter.kind).collect()
        };
        assert_eq!(kinds().await, [Kind::PasswordChanged]);
        fixture.clock.advance(Duration::from_mins(2));
        ask(&fixture, "ada@example.com").await;
        assert_eq!(kinds().await, [Kind::PasswordReset], "asked for afterwards");
    }

    #[tokio::test]
    async fn the_device_of_the_caller_stays_known_and_the_others_are_forgotten() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let own = fixture.sign_in(&ada, None).await;
        fixture.clock.advance(Duration::from_secs(1));
        let other = fixture.sign_in(&ada, None).await;
        let by = fixture.as_user(&ada, own.session);
        change_password(&fixture.identity, &by, &command(PASSWORD, NEW))
            .await
            .unwrap();
        for (device, known) in [(own.device, true), (other.device, false)] {
            let found = recognize(&fixture.identity, Some(ada.id), Some(&device.token)).await;
            assert_eq!(found.unwrap().is_some(), known);
        }
    }

    #[tokio::test]
    async fn changes_without_end_write_few_mails() {
        let fixture = Fixture::new().await;
        let (ada, session) = ada(&fixture).await;
        let by = fixture.as_user(&ada, session);
        let most = fixture.identity.outbox.limits.recipient.most;
        for _ in 0..most {
            for (old, new) in [(PASSWORD, NEW), (NEW, PASSWORD)] {
                change_password(&fixture.identity, &by, &command(old, new))
                    .await
                    .unwrap();
            }
        }
        assert_eq!(fixture.deliver().await.len(), most as usize);
        fixture
            .clock
            .advance(fixture.identity.outbox.limits.recipient.window);
        change_password(&fixture.identity, &by, &command(PASSWORD, NEW))
            .await
            .unwrap();
        assert_eq!(fixture.deliver().await.len(), 1);
    }

    #[tokio::test]
    async fn a_wrong_password_changes_nothing_and_is_counted() {
        let fixture = Fixture::new().await;
        let (ada, session) = ada(&fixture).await;
        let by = fixture.as_user(&ada, session);
        for _ in 0..fixture.identity.throttle.near.most {
            let wrong = change_password(&fixture.identity, &by, &command("wrong password", NEW)).await;
            assert!(matches!(wrong, Err(Error::Wrong)), "{wrong:?}");
        }
        let late = change_password(&fixture.identity, &by, &command(PASSWORD, NEW)).await;
        assert!(
            matches!(late, Err(Error::Attempt(AttemptError::Throttled(_)))),
            "{late:?}"
        );
        assert!(fixture.signs_in("ada@example.com", PASSWORD).await);
    }

    #[tokio::test]
    async fn a_new_password_that_breaks_a_rule_is_refused_and_costs_no_attempt() {
        let fixture = Fixture::new().await;
        let (ada, session) = ada(&fixture).await;
        let by = fixture.as_user(&ada, session);
        for _ in 0..2 * fixture.identity.throttle.near.most {
            let refused =
                change_password(&fixture.identity, &by, &command(PASSWORD, "ada@example.com")).await;
            let refused = refused.unwrap_err();
            assert_eq!(refused.violations()[0].field, "new_password");
        }
        change_password(&fixture.identity, &by, &command(PASSWORD, NEW))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn sessions_that_ended_and_users_that_are_being_disabled_are_refused() {
        let fixture = Fixture::new().await;
        let (ada, session) = ada(&fixture).await;
        let kept = fixture.session(&ada).await;
        sign_out(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        let change = async |session| {
            let by = fixture.as_user(&ada, session);
            change_password(&fixture.identity, &by, &command(PASSWORD, NEW)).await
        };
        let ended = change(session).await;
        assert!(matches!(ended, Err(Error::Wrong)), "{ended:?}");
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        let refused = change(kept).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_service_account_has_no_password() {
        let fixture = Fixture::new().await;
        let refused =
            change_password(&fixture.identity, &fixture.as_service(), &command(PASSWORD, NEW)).await;
        assert!(matches!(refused, Err(Error::NoSession)), "{refused:?}");
    }
}
