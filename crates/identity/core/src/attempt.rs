//! Failed sign-ins, counted by the address that was entered, whether or not a user has it.

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{Code, EmailKey, Fault, Reason, StoreError, Timestamp, faults};
use secrecy::SecretString;

use crate::{Identity, password::PasswordsError, store::Write, user::Credentials};

/// Failed sign-ins of one address in the current window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// Their number.
    pub count: u32,
    /// When the window began: at the first of them.
    pub since: Timestamp,
}

/// Reads failed sign-ins.
#[async_trait]
pub trait Reader {
    /// The failures of an address, however old.
    async fn failures(&self, email: &EmailKey) -> Result<Option<Failures>, StoreError>;
}

/// Counts failed sign-ins.
#[async_trait]
pub trait Writer {
    /// Counts a failure. One that comes after the window begins a new one.
    async fn count_failure(
        &mut self,
        email: &EmailKey,
        window: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// Forgets the failures of an address.
    async fn clear_failures(&mut self, email: &EmailKey) -> Result<(), StoreError>;
    /// Removes windows that began before an instant.
    async fn purge_failures(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}

/// How many wrong passwords an address may have in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// The number at which sign-ins are refused.
    pub limit: u32,
    /// The length of the window.
    pub window: Duration,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            limit: 10,
            window: Duration::from_mins(15),
        }
    }
}

/// Error for a sign-in at an address with too many failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong passwords; retry later")]
pub struct Throttled {
    /// When the window ends.
    pub wait: Duration,
}

impl Fault for Throttled {
    fn code(&self) -> Code {
        Code::ResourceExhausted
    }
    fn reason(&self) -> Reason {
        Reason::Overloaded
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(self.wait)
    }
}

impl Throttle {
    /// Checks the failures of an address.
    ///
    /// # Errors
    /// The limit is reached and the window has not ended.
    pub fn check(&self, failures: Option<Failures>, now: Timestamp) -> Result<(), Throttled> {
        let Some(failures) = failures else { return Ok(()) };
        let end = failures.since.plus(self.window);
        if failures.count >= self.limit && now < end {
            return Err(Throttled { wait: end.since(now) });
        }
        Ok(())
    }
}

faults! {
    /// Why a password was not verified.
    AttemptError: Throttled(Throttled), Passwords(PasswordsError), Store(StoreError);
}

/// Whether the password is that of a user who may sign in. A wrong one is counted for the address.
pub(crate) async fn verify(
    identity: &Identity,
    email: &EmailKey,
    known: Option<&Credentials>,
    password: &SecretString,
) -> Result<bool, AttemptError> {
    let failures = identity.store.failures(email).await?;
    identity.throttle.check(failures, identity.clock.now())?;
    let stored = known.and_then(|known| known.password.as_ref());
    let right = identity.passwords.verify(password, stored).await?;
    if right && known.is_some_and(Credentials::may_sign_in) {
        return Ok(true);
    }
    let mut write = identity.store.write(&[]).await?;
    write
        .count_failure(email, identity.throttle.window, identity.clock.now())
        .await?;
    write.commit().await?;
    Ok(false)
}

/// Forgets the failures of an address whose password was right. The limit is checked again: concurrent
/// guesses must not pass it together.
pub(crate) async fn succeed(
    identity: &Identity,
    write: &mut dyn Write,
    email: &EmailKey,
) -> Result<(), AttemptError> {
    let failures = write.failures(email).await?;
    identity.throttle.check(failures, identity.clock.now())?;
    if failures.is_some() {
        write.clear_failures(email).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn the_limit_holds_until_the_window_ends() {
        let throttle = Throttle {
            limit: 2,
            window: Duration::from_mins(1),
        };
        let wait = |count, now| {
            let since = Timestamp::from_seconds(100);
            let failures = Some(Failures { count, since });
            let refused = throttle.check(failures, Timestamp::from_seconds(now)).err();
            refused.map(|throttled| throttled.wait)
        };
        assert_eq!(throttle.check(None, Timestamp::from_seconds(100)), Ok(()));
        assert_eq!(wait(1, 100), None);
        assert_eq!(wait(2, 130), Some(Duration::from_secs(30)));
        assert_eq!(wait(9, 160), None);
    }

    #[tokio::test]
    async fn concurrent_guesses_do_not_pass_the_limit_together() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let email = ada.email.key();
        let right = verify(&fixture.identity, &email, None, &SecretString::from("x")).await;
        assert!(!right.unwrap());
        // Others failed while this one was verified.
        for _ in 0..fixture.identity.throttle.limit {
            let guess = verify(&fixture.identity, &email, None, &SecretString::from("x")).await;
            assert!(matches!(guess, Ok(false) | Err(AttemptError::Throttled(_))));
        }
        let mut write = fixture.identity.store.write(&[]).await.unwrap();
        let late = succeed(&fixture.identity, &mut *write, &email).await;
        assert!(matches!(late, Err(AttemptError::Throttled(_))), "{late:?}");
    }
}
