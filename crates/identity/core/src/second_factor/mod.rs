//! The second factor of users: an authenticator that makes codes, recovery codes, and the challenge between
//! password and code.
//!
//! All of it is read and written under the root of the user, so that a code counts once and a challenge
//! answers once, also for a hundred callers at a time.

mod challenge;
pub mod confirm;
mod encrypt;
pub mod enroll;
mod recovery;
pub mod regenerate;
pub mod remove;
mod totp;
pub mod verify;

use async_trait::async_trait;
use bailiwick_types::{StoreError, Timestamp, UserId, faults};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use challenge::challenge;
pub use challenge::{Challenge, Challenged, MOST_FAILURES};
pub use confirm::confirm;
pub(crate) use encrypt::encrypt;
pub use enroll::enroll;
pub use recovery::RecoveryCodes;
pub use regenerate::regenerate;
pub use remove::remove;
use totp::TotpSecret;
pub use verify::verify;

use crate::{Identity, secret::Digest, signing::SealError, store::Write};

/// The authenticator of a user.
#[derive(Debug, Clone)]
pub struct Totp {
    /// The user.
    pub user: UserId,
    /// The secret, sealed.
    pub secret: SecretString,
    /// When it was made.
    pub created: Timestamp,
    /// When it was proved: it counts from then on.
    pub confirmed: Option<Timestamp>,
    /// The step of the last code that was accepted; an older one is refused.
    pub last_step: i64,
    /// Wrong codes in succession.
    pub failures: u32,
}

faults! {
    /// The user has no second factor.
    NotEnrolled;
    /// It has none, or has not proved it yet.
    Missing "the user has no second factor" => FailedPrecondition NotActive;
}

/// Reads second factors.
#[async_trait]
pub trait Reader {
    /// The authenticator of a user, also one that was not proved yet.
    async fn totp(&self, user: UserId) -> Result<Option<Totp>, StoreError>;
    /// At most `limit` users in the order of their ids, the secret of whose authenticator is not encrypted.
    async fn plain_totps(&self, after: Option<UserId>, limit: u64) -> Result<Vec<UserId>, StoreError>;
    /// How many unused recovery codes a user has.
    async fn recovery_codes(&self, user: UserId) -> Result<u64, StoreError>;
    /// A challenge, also one that is over.
    async fn challenge(&self, digest: &Digest) -> Result<Option<Challenge>, StoreError>;
}

/// Writes second factors. The unit holds the root of the user.
#[async_trait]
pub trait Writer {
    /// Adds or replaces the authenticator of a user.
    async fn put_totp(&mut self, totp: &Totp) -> Result<(), StoreError>;
    /// Records the step of an accepted code, and forgets wrong ones; whether it is newer than the last.
    async fn accept_totp(&mut self, user: UserId, step: i64) -> Result<bool, StoreError>;
    /// Counts a wrong code.
    async fn count_totp_failure(&mut self, user: UserId) -> Result<(), StoreError>;
    /// Forgets wrong codes of a user.
    async fn forget_totp_failures(&mut self, user: UserId) -> Result<(), StoreError>;
    /// Removes the authenticator and the recovery codes of a user.
    async fn delete_totp(&mut self, user: UserId) -> Result<(), StoreError>;
    /// Replaces the recovery codes of a user.
    async fn put_recovery_codes(&mut self, user: UserId, codes: &[Digest]) -> Result<(), StoreError>;
    /// Removes a recovery code of a user; whether there was one.
    async fn use_recovery_code(&mut self, user: UserId, code: &Digest) -> Result<bool, StoreError>;
    /// Adds a challenge.
    async fn insert_challenge(&mut self, challenge: &Challenge) -> Result<(), StoreError>;
    /// Counts a wrong answer to a challenge.
    async fn fail_challenge(&mut self, digest: &Digest) -> Result<(), StoreError>;
    /// Removes a challenge that was answered; whether there was one.
    async fn delete_challenge(&mut self, digest: &Digest) -> Result<bool, StoreError>;
    /// Removes at most `limit` challenges that expired before an instant; their number.
    async fn purge_challenges(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}

/// What the secret of an authenticator is sealed for.
fn sealed_for(user: UserId) -> String {
    format!("totp:{user}")
}

/// Whether a code is one of the authenticator that was not accepted yet. One that is right is accepted by it.
pub(crate) async fn prove(
    identity: &Identity,
    write: &mut dyn Write,
    totp: &Totp,
    code: &SecretString,
) -> Result<bool, ProveError> {
    let seal = identity.keys.seal();
    let bytes = seal.open_bytes(&sealed_for(totp.user), &totp.secret)?;
    let secret = TotpSecret::from_bytes(&bytes).ok_or(SealError::Unreadable)?;
    let now = identity.clock.now();
    let Some(step) = secret.step_of(code.expose_secret(), now, totp.last_step) else {
        return Ok(false);
    };
    Ok(write.accept_totp(totp.user, step).await?)
}

faults! {
    /// Why a code was not verified.
    ProveError: Seal(SealError), Store(StoreError);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{fixture::Fixture, user::User};
    use bailiwick_types::SessionId;

    /// Enrolls an authenticator; its secret in base32.
    pub(crate) async fn enrolled(fixture: &Fixture, user: &User, session: SessionId) -> Vec<u8> {
        enrolled_with_codes(fixture, user, session).await.0
    }
    pub(crate) async fn enrolled_with_codes(
        fixture: &Fixture,
        user: &User,
        session: SessionId,
    ) -> (Vec<u8>, Vec<String>) {
        let by = fixture.as_user(user, session);
        enroll(&fixture.identity, &by).await.unwrap();
        let secret = opened(fixture, user.id).await;
        let code = code_at(&secret, fixture.identity.clock.now());
        let by = fixture.as_user(user, session);
        let done = confirm(&fixture.identity, &by, &code.into()).await.unwrap();
        let codes = done.codes.expose();
        (secret, codes)
    }
    pub(crate) async fn opened(fixture: &Fixture, user: UserId) -> Vec<u8> {
        let totp = fixture.store.totp(user).await.unwrap().unwrap();
        let seal = fixture.identity.keys.seal();
        seal.open_bytes(&sealed_for(user), &totp.secret).unwrap()
    }
    pub(crate) fn code_at(secret: &[u8], now: Timestamp) -> String {
        TotpSecret::from_bytes(secret).unwrap().code_at(now)
    }
}
