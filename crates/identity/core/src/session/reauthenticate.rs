//! Verifies the caller's password again in its session: a method with step-up consumes that.

use bailiwick_types::{Authorized, StoreError, Timestamp, faults, method::identity::Reauthenticate};
use secrecy::SecretString;

use super::own;
use crate::{
    Identity,
    attempt::{self, AttemptError, Guesser},
};

faults! {
    /// Why the step-up is not recorded.
    Error: Attempt(AttemptError), Store(StoreError);
    /// The caller is not a user.
    NoSession "only a user has a session" => PermissionDenied PermissionDenied;
    /// The password is wrong, or the session has ended.
    Wrong "the password is wrong" => Unauthenticated CredentialsInvalid;
}

/// Records the step-up in the session. The answer is when it expires.
///
/// # Errors
/// See [`Error`].
pub async fn reauthenticate(
    identity: &Identity,
    by: &Authorized<Reauthenticate>,
    password: &SecretString,
) -> Result<Timestamp, Error> {
    let (user, session) = own(by).ok_or(Error::NoSession)?;
    let known = identity.store.credentials(user).await?.ok_or(Error::Wrong)?;
    // Counted for the session: whoever guesses at the sign-in of the user has none.
    let attempt = attempt::guess(identity, Guesser::SignedIn(session)).await?;
    let right = attempt
        .verify(identity, password, known.password.as_ref())
        .await?;
    if !right || !known.may_sign_in() {
        return Err(Error::Wrong);
    }
    let now = identity.clock.now();
    let mut write = identity.store.write(&[]).await?;
    attempt.succeed(&mut *write).await?;
    if !write.step_up(session, now).await? {
        return Err(Error::Wrong);
    }
    write.commit().await?;
    Ok(now.plus(identity.lifetimes.step_up))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fixture::{Fixture, PASSWORD},
        session::{Reader as _, sign_out},
        store::Store as _,
    };

    #[tokio::test]
    async fn the_right_password_is_recorded_in_the_session() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let by = fixture.as_user(&ada, session);
        let until = reauthenticate(&fixture.identity, &by, &PASSWORD.into())
            .await
            .unwrap();
        let now = fixture.identity.clock.now();
        assert_eq!(until, now.plus(Duration::from_mins(5)));
        let stored = fixture.store.session(session).await.unwrap().unwrap();
        assert_eq!(stored.stepped_up, Some(now));
    }

    #[tokio::test]
    async fn a_wrong_password_is_refused_and_counted() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let by = fixture.as_user(&ada, fixture.session(&ada).await);
        for _ in 0..fixture.identity.throttle.near.most {
            let wrong = reauthenticate(&fixture.identity, &by, &"wrong password".into()).await;
            assert!(matches!(wrong, Err(Error::Wrong)), "{wrong:?}");
        }
        let late = reauthenticate(&fixture.identity, &by, &PASSWORD.into()).await;
        assert!(
            matches!(late, Err(Error::Attempt(AttemptError::Throttled(_)))),
            "{late:?}"
        );
    }

    #[tokio::test]
    async fn a_session_that_has_ended_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        sign_out(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        let by = fixture.as_user(&ada, session);
        let ended = reauthenticate(&fixture.identity, &by, &PASSWORD.into()).await;
        assert!(matches!(ended, Err(Error::Wrong)), "{ended:?}");
    }

    #[tokio::test]
    async fn a_user_that_is_being_disabled_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let by = fixture.as_user(&ada, fixture.session(&ada).await);
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        let refused = reauthenticate(&fixture.identity, &by, &PASSWORD.into()).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_service_account_has_no_session() {
        let fixture = Fixture::new().await;
        let by = fixture.as_service();
        let refused = reauthenticate(&fixture.identity, &by, &PASSWORD.into()).await;
        assert!(matches!(refused, Err(Error::NoSession)), "{refused:?}");
    }
}
