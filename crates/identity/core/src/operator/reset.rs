//! Gives an operator a new password. It has no caller and asks for no right: it is run on the database.

use bailiwick_types::{Clock, Email, SessionId, StoreError, Token, faults};

use crate::{
    change::Change,
    password::{NewPassword, NewPasswordError, Password, Passwords, Standing},
    store::Store,
    user::{User, UserState, end_sessions},
};

faults! {
    /// Why the password is not reset.
    Error: Passwords(NewPasswordError), Store(StoreError);
    /// There is no such user.
    Unknown(String) "no user has the e-mail address `{0}`" => NotFound NotFound;
    /// It is a user like others.
    NotOperator(String) "`{0}` is not an operator of the deployment: only operators are reset here"
        => FailedPrecondition NotActive;
    /// It would not be able to sign in.
    Disabled(String) "operator `{0}` is disabled, or access is being taken away from it: \
        pass `--enable` to enable it as well" => FailedPrecondition NotActive;
}

/// What a reset does besides.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Enables a disabled operator, and gives up what was about to take its access away.
    pub enable: bool,
    /// Removes the second factor: the authenticator and the recovery codes are lost too.
    pub remove_second_factor: bool,
}

/// An operator with a new password.
#[derive(Debug, Clone)]
pub struct Reset {
    /// The user.
    pub user: User,
    /// The sessions that were ended.
    pub ended: Vec<SessionId>,
    /// Whether it was enabled.
    pub enabled: bool,
    /// The write.
    pub token: Token,
}

/// Resets the password, ends all sessions of the operator (and with them their refresh tokens) and forgets
/// its failed sign-ins. The second factor stays, unless `options` say otherwise.
///
/// # Errors
/// See [`Error`].
pub async fn reset(
    store: &dyn Store,
    passwords: &Passwords,
    clock: &dyn Clock,
    email: &Email,
    password: &Password,
    options: Options,
) -> Result<Reset, Error> {
    let unknown = || Error::Unknown(email.to_string());
    let found = store
        .credentials_by_email(&email.key())
        .await?
        .ok_or_else(unknown)?;
    if !found.user.operator {
        return Err(Error::NotOperator(email.to_string()));
    }
    let hash = passwords.hash(NewPassword {
        password,
        field: "password",
        standing: Standing::Alone,
        own: found.user.own_words(),
    });
    let hash = hash.await?;
    // Serialized with sign-ins, refreshes and disablings of the user.
    let root = found.user.root();
    let mut write = store.write(std::slice::from_ref(&root)).await?;
    let known = write.credentials(found.user.id).await?.ok_or_else(unknown)?;
    let (mut user, now) = (known.user, clock.now());
    if !user.operator {
        return Err(Error::NotOperator(email.to_string()));
    }
    let enabled = user.state != UserState::Active || known.closing;
    if enabled && !options.enable {
        return Err(Error::Disabled(email.to_string()));
    }
    write.set_password(user.id, &hash).await?;
    write.clear_failures(&user.email.key()).await?;
    write.forget_devices(user.id, None).await?;
    if options.remove_second_factor {
        write.delete_totp(user.id).await?;
    }
    write.forget_totp_failures(user.id).await?;
    write.end_one_time_secrets(user.id).await?;
    if enabled {
        user.state = UserState::Active;
        user.version = write.next_revision(&root)?;
        write.delete_closing(user.id).await?;
        write.update_user(&user).await?;
        write.emit(&root, Change::User(user.clone()))?;
    }
    let ended = end_sessions(&mut *write, &user, None, now).await?;
    let audited = Change::by_the_suite("operator.reset", format!("user:{}", user.id));
    write.emit(&root, audited)?;
    if options.remove_second_factor {
        let audited = Change::by_the_suite("operator.remove_second_factor", format!("user:{}", user.id));
        write.emit(&root, audited)?;
    }
    let token = write.commit().await?;
    Ok(Reset {
        user,
        ended,
        enabled,
        token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attempt::ClientNetwork,
        fixture::{Fixture, PASSWORD},
        peer::PeerError,
        second_factor::{Reader as _, tests::enrolled},
        session::{Reader as _, sign_in},
        user::{Reader as _, disable},
    };

    const NEW: &str = "a password that nobody knows";

    async fn run(fixture: &Fixture, email: &str, enable: bool) -> Result<Reset, Error> {
        let options = Options {
            enable,
            ..Options::default()
        };
        run_with(fixture, email, options).await
    }
    async fn run_with(fixture: &Fixture, email: &str, options: Options) -> Result<Reset, Error> {
        let Fixture {
            identity,
            store,
            clock,
            ..
        } = fixture;
        let password = Password::parse(NEW.into()).unwrap();
        let email = email.parse().unwrap();
        reset(store, &identity.passwords, &**clock, &email, &password, options).await
    }

    async fn signs_in(fixture: &Fixture, user: &User, password: &str) -> bool {
        let command = sign_in::Command {
            email: user.email.clone(),
            password: password.into(),
            account: None,
            token: Token::default(),
            device: None,
            agent: crate::session::UserAgent::default(),
        };
        fixture
            .try_sign_in(&command, ClientNetwork::Unknown)
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn only_the_new_password_serves_and_nothing_of_before_goes_on() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        let before = fixture.session(&root).await;
        fixture.store.take_changes();
        let done = run(&fixture, "Root@example.com", false).await.unwrap();
        assert_eq!((done.ended, done.enabled), (vec![before], false));
        let ended = fixture.store.session(before).await.unwrap().unwrap();
        assert!(!ended.is_live(fixture.identity.clock.now()));
        let revoked = Change::SessionRevoked {
            session: before,
            user: root.id,
        };
        let audited = Change::by_the_suite("operator.reset", format!("user:{}", root.id));
        assert_eq!(fixture.store.take_changes(), [revoked, audited]);
        assert!(!signs_in(&fixture, &root, PASSWORD).await);
        assert!(signs_in(&fixture, &root, NEW).await);
    }

    #[tokio::test]
    async fn wrong_passwords_of_before_do_not_keep_the_operator_out() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        for _ in 0..fixture.identity.throttle.near.most {
            assert!(!signs_in(&fixture, &root, "a wrong password").await);
        }
        assert!(!signs_in(&fixture, &root, PASSWORD).await);
        run(&fixture, "root@example.com", false).await.unwrap();
        assert!(signs_in(&fixture, &root, NEW).await);
    }

    #[tokio::test]
    async fn a_disabled_operator_is_enabled_only_on_demand() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        disable(&fixture.identity, &fixture.operator(), root.id)
            .await
            .unwrap();
        let refused = run(&fixture, "root@example.com", false).await;
        assert!(matches!(refused, Err(Error::Disabled(_))), "{refused:?}");
        let done = run(&fixture, "root@example.com", true).await.unwrap();
        assert!(done.enabled && done.user.state == UserState::Active);
        assert!(fixture.store.take_changes().contains(&Change::User(done.user)));
        assert!(signs_in(&fixture, &root, NEW).await);
    }

    #[tokio::test]
    async fn a_disabling_that_is_not_finished_is_given_up() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        disable(&fixture.identity, &fixture.operator(), root.id)
            .await
            .unwrap_err();
        let closing = fixture.store.closing(root.id).await.unwrap().unwrap();
        let refused = run(&fixture, "root@example.com", false).await;
        assert!(matches!(refused, Err(Error::Disabled(_))), "{refused:?}");
        run(&fixture, "root@example.com", true).await.unwrap();
        fixture.authorization.answers();
        // Its call goes on, late.
        disable::finish(&fixture.identity, &closing).await.unwrap();
        let user = fixture.store.user(root.id).await.unwrap().unwrap();
        assert_eq!(user.state, UserState::Active);
    }

    #[tokio::test]
    async fn users_that_are_no_operators_are_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let refused = run(&fixture, "ada@example.com", true).await;
        assert!(
            matches!(&refused, Err(Error::NotOperator(who)) if who == "ada@example.com"),
            "{refused:?}"
        );
        assert!(signs_in(&fixture, &ada, PASSWORD).await);
        let unknown = run(&fixture, "nobody@example.com", false).await;
        assert!(matches!(unknown, Err(Error::Unknown(_))), "{unknown:?}");
    }

    #[tokio::test]
    async fn the_second_factor_stays_unless_it_is_to_be_removed() {
        let fixture = Fixture::new().await;
        let root = fixture.operating_user("root@example.com").await;
        let session = fixture.session(&root).await;
        enrolled(&fixture, &root, session).await;
        let mut write = fixture.store.write(&[root.root()]).await.unwrap();
        write.count_totp_failure(root.id).await.unwrap();
        write.commit().await.unwrap();
        run(&fixture, "root@example.com", false).await.unwrap();
        let totp = fixture.store.totp(root.id).await.unwrap().unwrap();
        assert_eq!((totp.confirmed.is_some(), totp.failures), (true, 0));
        let options = Options {
            remove_second_factor: true,
            ..Options::default()
        };
        fixture.store.take_changes();
        run_with(&fixture, "root@example.com", options).await.unwrap();
        assert!(fixture.store.totp(root.id).await.unwrap().is_none());
        let target = format!("user:{}", root.id);
        let audited = Change::by_the_suite("operator.remove_second_factor", target);
        assert!(fixture.store.take_changes().contains(&audited));
    }
}
