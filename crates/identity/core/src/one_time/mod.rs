//! Secrets that are mailed: 256 random bits, of which only the digest is stored. Each serves once, for one
//! purpose, for the user and the address that it was made for, and ends when a newer one is made.

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{EmailKey, StoreError, Timestamp, UserId, faults};
use secrecy::SecretString;

use crate::{
    Identity,
    secret::{Digest, SecretKind},
    store::Write,
    user::{Credentials, User},
};

/// What a secret serves for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Sets the first password.
    Activation,
    /// Replaces the password.
    PasswordReset,
    /// Proves the address.
    Verification,
}

bailiwick_types::codes!(Purpose { Activation = 1, PasswordReset = 2, Verification = 3 });

impl Purpose {
    /// How long a secret serves.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Activation => Duration::from_hours(7 * 24),
            Self::PasswordReset | Self::Verification => Duration::from_hours(1),
        }
    }
}

/// A stored secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeSecret {
    /// SHA-256 of it.
    pub digest: Digest,
    /// Its user.
    pub user: UserId,
    /// What it serves for.
    pub purpose: Purpose,
    /// The address that it was mailed to.
    pub address: EmailKey,
    /// When it was made.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
}

impl OneTimeSecret {
    /// The stored form of a secret for the present address of a user.
    #[must_use]
    pub fn new(secret: &SecretString, user: &User, purpose: Purpose, created: Timestamp) -> Self {
        Self {
            digest: Digest::of(secret),
            user: user.id,
            purpose,
            address: user.email.key(),
            created,
            expires: created.plus(purpose.lifetime()),
        }
    }
}

/// Reads secrets.
#[async_trait]
pub trait Reader {
    /// The secret with a digest.
    async fn one_time_secret(&self, digest: &Digest) -> Result<Option<OneTimeSecret>, StoreError>;
    /// The secret of a user for a purpose.
    async fn one_time_secret_of(
        &self,
        user: UserId,
        purpose: Purpose,
    ) -> Result<Option<OneTimeSecret>, StoreError>;
}

/// Writes secrets. The unit holds the root of their user.
#[async_trait]
pub trait Writer {
    /// Adds a secret in the place of the one that the user had for the purpose.
    async fn put_one_time_secret(&mut self, secret: &OneTimeSecret) -> Result<(), StoreError>;
    /// Removes a secret; whether it was there. One of two concurrent calls succeeds.
    async fn take_one_time_secret(&mut self, digest: &Digest) -> Result<bool, StoreError>;
    /// Removes all secrets of a user.
    async fn end_one_time_secrets(&mut self, user: UserId) -> Result<(), StoreError>;
    /// Removes at most `limit` secrets that expired before an instant; their number.
    async fn purge_one_time_secrets(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}

faults! {
    /// Why a secret does not serve.
    RedeemError: Store(StoreError);
    /// It is unknown, was used, expired, replaced by a newer one, or is for something else, or its user may
    /// not sign in: one answer for all.
    Invalid "the secret is not valid: it is wrong, used, expired, or not the newest one"
        => Unauthenticated CredentialsInvalid;
}

/// The user of a secret that serves now. Nothing is used up: a new password that breaks a rule costs no
/// secret.
pub(crate) async fn look_up(
    identity: &Identity,
    secret: &SecretString,
    purpose: Purpose,
) -> Result<Credentials, RedeemError> {
    let digest = Digest::of(secret);
    let found = identity.store.one_time_secret(&digest).await?;
    let found = found.ok_or(RedeemError::Invalid)?;
    let known = identity.store.credentials(found.user).await?;
    serves(&found, known, purpose, identity.clock.now())
}

/// Uses a secret up in a unit of work that holds the root of its user.
pub(crate) async fn redeem(
    write: &mut dyn Write,
    secret: &SecretString,
    user: UserId,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Credentials, RedeemError> {
    let digest = Digest::of(secret);
    let found = write.one_time_secret(&digest).await?;
    let found = found
        .filter(|found| found.user == user)
        .ok_or(RedeemError::Invalid)?;
    let known = serves(&found, write.credentials(user).await?, purpose, now)?;
    if !write.take_one_time_secret(&digest).await? {
        return Err(RedeemError::Invalid);
    }
    Ok(known)
}

/// Ends all secrets of a user, in a unit that holds its root, and those of mails to it that were written
/// before and get theirs when they are sent.
pub(crate) async fn end_all(
    identity: &Identity,
    write: &mut dyn Write,
    user: &User,
    now: Timestamp,
) -> Result<(), StoreError> {
    write.end_one_time_secrets(user.id).await?;
    // A mail gives way to a newer secret. This one is nobody's.
    let nobodys = SecretKind::Mailed.generate(&*identity.rng);
    let newer = OneTimeSecret::new(&nobodys, user, Purpose::PasswordReset, now);
    write.put_one_time_secret(&newer).await
}

fn serves(
    found: &OneTimeSecret,
    known: Option<Credentials>,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Credentials, RedeemError> {
    let theirs = known.filter(|known| known.may_sign_in() && known.user.email.key() == found.address);
    let good = found.purpose == purpose && now < found.expires;
    theirs.filter(|_| good).ok_or(RedeemError::Invalid)
}
