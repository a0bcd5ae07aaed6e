//! Known devices: where a user has signed in before, and which the guesses of strangers do not lock out.
//!
//! The device holds an opaque secret of 256 random bits; its digest is stored. It proves nothing but that the
//! device is known: with a wrong password it is of no use. Each sign-in with it gives a new one, and the old
//! one serves for a short time on, in case the answer was lost.

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{StoreError, Timestamp, UserId};
use secrecy::SecretString;

use crate::{
    Identity,
    secret::{Digest, SecretKind},
    store::Write,
};

/// How many devices of a user are known; the ones that were used the longest ago are forgotten.
pub const MOST: u64 = 50;
/// How long a replaced token still serves.
const GRACE: Duration = Duration::from_hours(1);

/// A known device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// SHA-256 of its token.
    pub digest: Digest,
    /// The user that signed in there.
    pub user: UserId,
    /// Whether it came back with a token. Clients that never do must not displace those that do.
    pub returned: bool,
    /// When the token was issued.
    pub created: Timestamp,
    /// When the token expires.
    pub expires: Timestamp,
}

/// A token that was issued for a device.
#[derive(Debug, Clone)]
pub struct DeviceToken {
    /// The token.
    pub token: SecretString,
    /// When it expires.
    pub expires: Timestamp,
}

/// Reads known devices.
#[async_trait]
pub trait Reader {
    /// The device with a token.
    async fn known_device(&self, digest: &Digest) -> Result<Option<KnownDevice>, StoreError>;
}

/// Writes known devices. The unit holds the root of their user.
#[async_trait]
pub trait Writer {
    /// Adds a device.
    async fn insert_device(&mut self, device: &KnownDevice) -> Result<(), StoreError>;
    /// Makes the token of a device expire at an instant, unless it expires before.
    async fn expire_device(&mut self, digest: &Digest, at: Timestamp) -> Result<(), StoreError>;
    /// Forgets all devices of a user but `most`: those that never returned first, then the oldest.
    async fn trim_devices(&mut self, user: UserId, most: u64) -> Result<(), StoreError>;
    /// Forgets all devices of a user but that to which a token was issued at an instant.
    async fn forget_devices(&mut self, user: UserId, kept: Option<Timestamp>) -> Result<(), StoreError>;
    /// Removes at most `limit` devices whose token expired before an instant; their number.
    async fn purge_devices(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}

/// The device of a token, if it is one at which the user has signed in.
pub(crate) async fn recognize(
    identity: &Identity,
    user: Option<UserId>,
    token: Option<&SecretString>,
) -> Result<Option<Digest>, StoreError> {
    let Some(token) = token else { return Ok(None) };
    let digest = Digest::of(token);
    let known = identity.store.known_device(&digest).await?;
    let now = identity.clock.now();
    let theirs = known.is_some_and(|device| Some(device.user) == user && now < device.expires);
    Ok(theirs.then_some(digest))
}

/// Issues a token for a device at which the user signs in, in the place of the one that it came with.
pub(crate) async fn remember(
    identity: &Identity,
    write: &mut dyn Write,
    user: UserId,
    before: Option<&Digest>,
    now: Timestamp,
) -> Result<DeviceToken, StoreError> {
    if let Some(before) = before {
        write.expire_device(before, now.plus(GRACE)).await?;
    }
    let token = SecretKind::Device.generate(&*identity.rng);
    let device = KnownDevice {
        digest: Digest::of(&token),
        user,
        returned: before.is_some(),
        created: now,
        expires: now.plus(identity.lifetimes.device),
    };
    write.insert_device(&device).await?;
    write.trim_devices(user, MOST).await?;
    Ok(DeviceToken {
        token,
        expires: device.expires,
    })
}
