//! Replaces the password of a user with a mailed secret, and ends all its sessions. It signs nobody in: what
//! else a sign-in asks for is asked for as before.

use bailiwick_types::{Authorized, method::identity::ResetPassword};

use super::mailed::set_password;
pub use super::mailed::{Command, Done, Error};
use crate::{Identity, one_time::Purpose};

/// Replaces the password.
///
/// # Errors
/// The secret does not serve, or the password breaks a rule.
pub async fn reset_password(
    identity: &Identity,
    by: &Authorized<ResetPassword>,
    command: &Command,
) -> Result<Done, Error> {
    set_password(identity, by, command, Purpose::PasswordReset).await
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use bailiwick_types::Fault as _;
    use secrecy::{ExposeSecret, SecretString};

    use super::*;
    use crate::{
        change::Change,
        fixture::{Fixture, PASSWORD},
        mail::Kind,
        one_time::RedeemError,
        password::Password,
        session::Reader as _,
        store::Store as _,
        user::{Reader as _, User, disable, enable, request_password_reset::ask, verify_email},
    };

    const NEW: &str = "a password that nobody knows";

    fn command(secret: &SecretString, password: &str) -> Command {
        Command {
            secret: secret.clone(),
            password: Password::parse(password.into()).unwrap(),
        }
    }
    async fn run(fixture: &Fixture, secret: &SecretString) -> Result<Done, Error> {
        reset_password(&fixture.identity, &fixture.anonymous(), &command(secret, NEW)).await
    }
    fn is_invalid<T>(result: &Result<T, Error>) -> bool {
        matches!(result, Err(Error::Redeem(RedeemError::Invalid)))
    }
    async fn mailed(fixture: &Fixture, user: &User) -> SecretString {
        ask(fixture, user.email.as_str()).await;
        fixture.deliver().await.pop().unwrap().secret.unwrap()
    }

    #[tokio::test]
    async fn the_new_password_serves_and_no_session_goes_on() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let before = fixture.session(&ada).await;
        let secret = mailed(&fixture, &ada).await;
        fixture.store.take_changes();
        let done = run(&fixture, &secret).await.unwrap();
        assert_eq!((done.user, &*done.ended), (ada.id, &[before][..]));
        let now = fixture.identity.clock.now();
        assert_eq!(fixture.store.live_sessions(ada.id, now).await.unwrap(), []);
        let revoked = Change::SessionRevoked {
            session: before,
            user: ada.id,
        };
        let audited = Change::by(&fixture.anonymous::<ResetPassword>(), format!("user:{}", ada.id));
        assert_eq!(fixture.store.take_changes(), [revoked, audited]);
        assert!(!fixture.signs_in("ada@example.com", PASSWORD).await);
        assert!(fixture.signs_in("ada@example.com", NEW).await);
        let letters = fixture.deliver().await;
        assert_eq!((letters.len(), letters[0].kind), (1, Kind::PasswordChanged));
    }

    #[tokio::test]
    async fn a_secret_serves_once_for_an_hour() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let used = mailed(&fixture, &ada).await;
        run(&fixture, &used).await.unwrap();
        let again = run(&fixture, &used).await;
        assert!(is_invalid(&again), "{again:?}");
        fixture.clock.advance(Duration::from_mins(2));
        let expired = mailed(&fixture, &ada).await;
        fixture.clock.advance(Duration::from_hours(1));
        let late = run(&fixture, &expired).await;
        assert!(is_invalid(&late), "{late:?}");
    }

    #[tokio::test]
    async fn a_newer_secret_ends_the_older_one() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let older = mailed(&fixture, &ada).await;
        fixture.clock.advance(Duration::from_mins(2));
        let newer = mailed(&fixture, &ada).await;
        assert!(is_invalid(&run(&fixture, &older).await));
        run(&fixture, &newer).await.unwrap();
    }

    #[tokio::test]
    async fn a_secret_serves_in_its_own_letters_and_for_its_own_purpose_alone() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let secret = mailed(&fixture, &ada).await;
        let text = secret.expose_secret();
        for wrong in [
            text.to_uppercase(),
            text.to_lowercase(),
            text[..text.len() - 1].to_owned(),
            format!("{text}a"),
            format!(" {text}"),
            text.replace("bwm_", "bwr_"),
            String::new(),
        ] {
            let refused = run(&fixture, &SecretString::from(wrong)).await;
            assert!(is_invalid(&refused), "{refused:?}");
        }
        let by = fixture.anonymous();
        let activated = crate::user::activate(&fixture.identity, &by, &command(&secret, NEW)).await;
        assert!(is_invalid(&activated), "{activated:?}");
        let verified = verify_email(&fixture.identity, &fixture.anonymous(), &secret).await;
        assert!(verified.is_err());
        run(&fixture, &secret).await.unwrap();
    }

    #[tokio::test]
    async fn a_secret_changes_its_own_user_alone() {
        let fixture = Fixture::new().await;
        let (ada, eve) = (
            fixture.user("ada@example.com").await,
            fixture.user("eve@example.com").await,
        );
        let (of_ada, _of_eve) = (mailed(&fixture, &ada).await, mailed(&fixture, &eve).await);
        let mut write = fixture.store.write(&[eve.root()]).await.unwrap();
        let now = fixture.identity.clock.now();
        let purpose = Purpose::PasswordReset;
        let other = crate::one_time::redeem(&mut *write, &of_ada, eve.id, purpose, now).await;
        assert!(matches!(other, Err(RedeemError::Invalid)));
        drop(write);
        run(&fixture, &of_ada).await.unwrap();
        assert!(fixture.signs_in("eve@example.com", PASSWORD).await);
    }

    #[tokio::test]
    async fn of_a_hundred_at_once_one_wins() {
        let fixture = Arc::new(Fixture::new().await);
        let ada = fixture.user("ada@example.com").await;
        let secret = mailed(&fixture, &ada).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (fixture, secret) = (Arc::clone(&fixture), secret.clone());
            calls.spawn(async move { run(&fixture, &secret).await.is_ok() });
        }
        let done = calls.join_all().await;
        assert_eq!(done.iter().filter(|won| **won).count(), 1);
    }

    #[tokio::test]
    async fn a_user_that_was_disabled_meanwhile_is_refused_also_when_it_is_enabled_again() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let secret = mailed(&fixture, &ada).await;
        disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        assert!(is_invalid(&run(&fixture, &secret).await));
        enable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        assert!(is_invalid(&run(&fixture, &secret).await));
    }

    #[tokio::test]
    async fn a_user_that_is_being_disabled_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let secret = mailed(&fixture, &ada).await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        assert!(is_invalid(&run(&fixture, &secret).await));
    }

    #[tokio::test]
    async fn a_password_that_breaks_a_rule_costs_no_secret() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let secret = mailed(&fixture, &ada).await;
        let by = fixture.anonymous();
        let common = reset_password(&fixture.identity, &by, &command(&secret, "passwordpassword")).await;
        assert_eq!(common.unwrap_err().violations()[0].field, "password");
        run(&fixture, &secret).await.unwrap();
    }

    #[tokio::test]
    async fn wrong_passwords_of_before_do_not_keep_the_user_out() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        for _ in 0..fixture.identity.throttle.near.most {
            assert!(!fixture.signs_in("ada@example.com", "a wrong password").await);
        }
        assert!(!fixture.signs_in("ada@example.com", PASSWORD).await);
        let secret = mailed(&fixture, &ada).await;
        run(&fixture, &secret).await.unwrap();
        assert!(fixture.signs_in("ada@example.com", NEW).await);
        let known = fixture.store.credentials(ada.id).await.unwrap().unwrap();
        assert!(known.user.email_verified);
    }
}
