//! Verifies the caller's password, or a code of its second factor, again in its session: a call of the named
//! method with step-up consumes that.

use bailiwick_types::{
    Authorized, ScopeRoot, SessionId, StoreError, Timestamp, UserId, faults, method::identity::Reauthenticate,
};
use secrecy::SecretString;

use super::{StepUpMethod, own};
use crate::{
    Identity,
    attempt::{self, Attempt, AttemptError, Guesser},
    second_factor::{self, ProveError},
    user::Credentials,
};

/// What the caller proves itself with.
#[derive(Debug, Clone)]
pub enum Means {
    /// The password.
    Password(SecretString),
    /// A code of the second factor.
    Code(SecretString),
}

/// What it is proved for, and with what.
#[derive(Debug, Clone)]
pub struct Command {
    /// The method.
    pub method: StepUpMethod,
    /// The means.
    pub means: Means,
}

faults! {
    /// Why the step-up is not recorded.
    Error: Attempt(AttemptError), Prove(ProveError), Store(StoreError);
    /// The caller is not a user.
    NoSession "only a user has a session" => PermissionDenied PermissionDenied;
    /// The password or the code is wrong, or the session has ended.
    Wrong "the password or the code is wrong" => Unauthenticated CredentialsInvalid;
}

/// Records the step-up in the session. The answer is when it expires.
///
/// # Errors
/// See [`Error`].
pub async fn reauthenticate(
    identity: &Identity,
    by: &Authorized<Reauthenticate>,
    command: &Command,
) -> Result<Timestamp, Error> {
    let (user, session) = own(by).ok_or(Error::NoSession)?;
    let known = identity.store.credentials(user).await?.ok_or(Error::Wrong)?;
    // Counted for the session: whoever guesses at the sign-in of the user has none.
    let attempt = attempt::guess(identity, Guesser::SignedIn(session)).await?;
    match &command.means {
        Means::Password(password) => {
            let _lane = identity.passwords.lane(user).await.map_err(AttemptError::from)?;
            let stored = known.password.as_ref();
            let right = attempt.verify(identity, password, stored).await?;
            if !right || !known.may_sign_in() {
                return Err(Error::Wrong);
            }
            // A password that was replaced meanwhile proves nothing.
            let mut write = identity.store.write(&[ScopeRoot::User(user)]).await?;
            let present = write.credentials(user).await?;
            let same = |present: &Credentials| present.may_sign_in() && present.has_password_of(&known);
            if !present.as_ref().is_some_and(same) {
                return Err(Error::Wrong);
            }
            record(identity, &mut *write, session, command.method, &attempt).await?;
            write.commit().await?;
        }
        Means::Code(code) => by_code(identity, (user, session), command.method, code, &attempt).await?,
    }
    Ok(identity.clock.now().plus(identity.lifetimes.step_up))
}

async fn by_code(
    identity: &Identity,
    (user, session): (UserId, SessionId),
    method: StepUpMethod,
    code: &SecretString,
    attempt: &Attempt,
) -> Result<(), Error> {
    let mut write = identity.store.write(&[ScopeRoot::User(user)]).await?;
    let known = write.credentials(user).await?;
    if !known.is_some_and(|known| known.may_sign_in()) {
        return Err(Error::Wrong);
    }
    let totp = write.totp(user).await?.filter(|totp| totp.confirmed.is_some());
    let totp = totp.ok_or(Error::Wrong)?;
    // Whoever has the session is a stranger to the authenticator.
    let open = totp.failures < identity.throttle.lock_after;
    if !(open && second_factor::prove(identity, &mut *write, &totp, code).await?) {
        write.count_totp_failure(user).await?;
        write.commit().await?;
        return Err(Error::Wrong);
    }
    record(identity, &mut *write, session, method, attempt).await?;
    write.commit().await?;
    Ok(())
}

async fn record(
    identity: &Identity,
    write: &mut dyn crate::store::Write,
    session: SessionId,
    method: StepUpMethod,
    attempt: &Attempt,
) -> Result<(), Error> {
    attempt.succeed(write).await?;
    let now = identity.clock.now();
    if write.step_up(session, method.as_str(), now).await? {
        Ok(())
    } else {
        Err(Error::Wrong)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fixture::{Fixture, PASSWORD},
        password::{PasswordHash, Share},
        second_factor::tests::{code_at, enrolled},
        session::sign_out,
        store::Store as _,
        user::User,
    };

    pub(crate) const GRANT: &str = "bailiwick.identity.v1.OperatorService/GrantOperator";
    pub(crate) const REVOKE: &str = "bailiwick.identity.v1.OperatorService/RevokeOperator";

    fn password(text: &str) -> Command {
        Command {
            method: GRANT.parse().unwrap(),
            means: Means::Password(text.into()),
        }
    }
    fn code(text: &str) -> Command {
        Command {
            method: GRANT.parse().unwrap(),
            means: Means::Code(text.into()),
        }
    }

    /// Proves the password for a method.
    pub(crate) async fn step_up(fixture: &Fixture, user: &User, session: SessionId, method: &str) {
        let command = Command {
            method: method.parse().unwrap(),
            means: Means::Password(PASSWORD.into()),
        };
        let by = fixture.as_user(user, session);
        reauthenticate(&fixture.identity, &by, &command).await.unwrap();
    }

    #[tokio::test]
    async fn the_right_password_serves_for_five_minutes() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let by = fixture.as_user(&ada, session);
        let until = reauthenticate(&fixture.identity, &by, &password(PASSWORD)).await;
        let now = fixture.identity.clock.now();
        assert_eq!(until.unwrap(), now.plus(Duration::from_mins(5)));
    }

    #[tokio::test]
    async fn a_wrong_password_is_refused_and_counted() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let by = fixture.as_user(&ada, fixture.session(&ada).await);
        for _ in 0..fixture.identity.throttle.near.most {
            let wrong = reauthenticate(&fixture.identity, &by, &password("wrong password")).await;
            assert!(matches!(wrong, Err(Error::Wrong)), "{wrong:?}");
        }
        let late = reauthenticate(&fixture.identity, &by, &password(PASSWORD)).await;
        assert!(
            matches!(late, Err(Error::Attempt(AttemptError::Throttled(_)))),
            "{late:?}"
        );
    }

    #[tokio::test]
    async fn a_code_of_the_second_factor_serves_once_and_wrong_ones_are_counted() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let by = fixture.as_user(&ada, session);
        let none = reauthenticate(&fixture.identity, &by, &code("123456")).await;
        assert!(matches!(none, Err(Error::Wrong)), "no second factor: {none:?}");
        let secret = enrolled(&fixture, &ada, session).await;
        fixture.clock.advance(Duration::from_secs(30));
        let right = code_at(&secret, fixture.identity.clock.now());
        reauthenticate(&fixture.identity, &by, &code(&right))
            .await
            .unwrap();
        let again = reauthenticate(&fixture.identity, &by, &code(&right)).await;
        assert!(matches!(again, Err(Error::Wrong)), "used: {again:?}");
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(reauthenticate(&fixture.identity, &by, &code("000000")).await);
        }
        let last = answers.pop();
        assert!(
            matches!(last, Some(Err(Error::Attempt(AttemptError::Throttled(_))))),
            "{last:?}"
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
        let ended = reauthenticate(&fixture.identity, &by, &password(PASSWORD)).await;
        assert!(matches!(ended, Err(Error::Wrong)), "{ended:?}");
    }

    #[tokio::test]
    async fn a_user_that_is_being_disabled_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let secret = enrolled(&fixture, &ada, session).await;
        let by = fixture.as_user(&ada, session);
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        fixture.clock.advance(Duration::from_secs(30));
        let right = code_at(&secret, fixture.identity.clock.now());
        for command in [password(PASSWORD), code(&right)] {
            let refused = reauthenticate(&fixture.identity, &by, &command).await;
            assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_user_that_sends_many_passwords_keeps_nobody_else_out() {
        let fixture = Fixture::new().await;
        let (ada, bob) = (
            fixture.user("ada@example.com").await,
            fixture.user("bob@example.com").await,
        );
        let busy = fixture.identity.passwords.busy(Share::SignedIn).await;
        let mut tasks = tokio::task::JoinSet::new();
        let send = |tasks: &mut tokio::task::JoinSet<_>, user: &User, session| {
            let (identity, by) = (fixture.identity.clone(), fixture.as_user(user, session));
            tasks.spawn(async move { reauthenticate(&identity, &by, &password(PASSWORD)).await });
        };
        for _ in 0..20 {
            let session = fixture.session(&ada).await;
            for _ in 0..8 {
                send(&mut tasks, &ada, session);
            }
        }
        let session = fixture.session(&bob).await;
        // All of them are as far as they come.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        send(&mut tasks, &bob, session);
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        drop(busy);
        for done in tasks.join_all().await {
            done.unwrap();
        }
    }

    #[tokio::test]
    async fn a_password_that_was_replaced_meanwhile_proves_nothing() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let busy = fixture.identity.passwords.busy(Share::SignedIn).await;
        let (identity, by) = (fixture.identity.clone(), fixture.as_user(&ada, session));
        let proving = tokio::spawn(async move { reauthenticate(&identity, &by, &password(PASSWORD)).await });
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        let mut write = fixture.store.write(&[]).await.unwrap();
        let other = PasswordHash::from_stored("another".to_owned());
        write.set_password(ada.id, &other).await.unwrap();
        write.commit().await.unwrap();
        drop(busy);
        let proved = proving.await.unwrap();
        assert!(matches!(proved, Err(Error::Wrong)), "{proved:?}");
    }

    #[tokio::test]
    async fn a_service_account_has_no_session() {
        let fixture = Fixture::new().await;
        let by = fixture.as_service();
        let refused = reauthenticate(&fixture.identity, &by, &password(PASSWORD)).await;
        assert!(matches!(refused, Err(Error::NoSession)), "{refused:?}");
    }
}
