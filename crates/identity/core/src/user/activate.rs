//! Sets the first password of a user with a mailed secret.

use bailiwick_types::{Authorized, method::identity::Activate};

use super::mailed::set_password;
pub use super::mailed::{Command, Done, Error};
use crate::{Identity, one_time::Purpose};

/// Sets the password. The address counts as verified.
///
/// # Errors
/// The secret does not serve, the user has a password, or the password breaks a rule.
pub async fn activate(
    identity: &Identity,
    by: &Authorized<Activate>,
    command: &Command,
) -> Result<Done, Error> {
    set_password(identity, by, command, Purpose::Activation).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        change::Change,
        fixture::{Fixture, PASSWORD},
        one_time::RedeemError,
        password::Password,
        store::Store as _,
        user::{Reader as _, User, send_activation},
    };

    fn command(secret: &secrecy::SecretString) -> Command {
        Command {
            secret: secret.clone(),
            password: Password::parse(PASSWORD.into()).unwrap(),
        }
    }
    async fn run(fixture: &Fixture, secret: &secrecy::SecretString) -> Result<Done, Error> {
        activate(&fixture.identity, &fixture.anonymous(), &command(secret)).await
    }
    async fn invited(fixture: &Fixture) -> (User, secrecy::SecretString) {
        let bare = fixture.user_without_password("bare@example.com").await;
        let sent = send_activation::Command {
            user: bare.id,
            token: Default::default(),
        };
        send_activation(&fixture.identity, &fixture.operator(), &sent)
            .await
            .unwrap();
        let secret = fixture.deliver().await.pop().unwrap().secret.unwrap();
        (bare, secret)
    }

    #[tokio::test]
    async fn the_first_password_is_set_within_seven_days() {
        let fixture = Fixture::new().await;
        let (bare, secret) = invited(&fixture).await;
        fixture.clock.advance(Duration::from_hours(7 * 24 - 1));
        fixture.store.take_changes();
        let done = run(&fixture, &secret).await.unwrap();
        assert_eq!((done.user, done.ended.len()), (bare.id, 0));
        let audited = Change::by(&fixture.anonymous::<Activate>(), format!("user:{}", bare.id));
        assert_eq!(fixture.store.take_changes(), [audited]);
        assert!(fixture.signs_in("bare@example.com", PASSWORD).await);
        assert!(matches!(
            run(&fixture, &secret).await,
            Err(Error::Redeem(RedeemError::Invalid))
        ));
        assert!(fixture.deliver().await.is_empty());
    }

    #[tokio::test]
    async fn after_seven_days_the_secret_has_expired() {
        let fixture = Fixture::new().await;
        let (_, secret) = invited(&fixture).await;
        fixture.clock.advance(Duration::from_hours(7 * 24));
        let late = run(&fixture, &secret).await;
        assert!(
            matches!(late, Err(Error::Redeem(RedeemError::Invalid))),
            "{late:?}"
        );
    }

    #[tokio::test]
    async fn an_address_that_was_not_verified_is_from_then_on() {
        let fixture = Fixture::new().await;
        let (bare, secret) = invited(&fixture).await;
        let mut write = fixture.store.write(&[bare.root()]).await.unwrap();
        let unverified = User {
            email_verified: false,
            ..bare.clone()
        };
        write.update_user(&unverified).await.unwrap();
        write.commit().await.unwrap();
        run(&fixture, &secret).await.unwrap();
        let after = fixture.store.user(bare.id).await.unwrap().unwrap();
        assert!(after.email_verified && after.version > bare.version);
        assert!(fixture.store.take_changes().contains(&Change::User(after)));
    }

    #[tokio::test]
    async fn a_user_that_has_a_password_by_then_keeps_it() {
        let fixture = Fixture::new().await;
        let (bare, secret) = invited(&fixture).await;
        let mut write = fixture.store.write(&[bare.root()]).await.unwrap();
        let other = crate::password::PasswordHash::from_stored("another".to_owned());
        write.set_password(bare.id, &other).await.unwrap();
        write.commit().await.unwrap();
        let refused = run(&fixture, &secret).await;
        assert!(
            matches!(refused, Err(Error::Redeem(RedeemError::Invalid))),
            "{refused:?}"
        );
        let known = fixture.store.credentials(bare.id).await.unwrap().unwrap();
        assert_eq!(known.password.unwrap().expose(), "another");
    }
}
