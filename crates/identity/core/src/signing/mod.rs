//! Ed25519 signing keys, their storage, and the access tokens (RFC 7519, RFC 8037) that they sign.

mod claims;
mod key;
mod ring;
mod seal;
mod verify;

use async_trait::async_trait;
use bailiwick_types::StoreError;

pub use claims::{AccessToken, Issuer, MintError};
pub use key::{SigningKey, StoredKey};
pub use ring::{KeyRing, KeyTimes, Keys, KeysError};
pub use seal::{KeySeal, PLAIN, SealError};
pub(crate) use verify::verify;

/// Reads signing keys.
#[async_trait]
pub trait Reader {
    /// All keys.
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError>;
}

/// Writes signing keys. The unit holds the deployment's root.
#[async_trait]
pub trait Writer {
    /// Adds a key, or replaces its private part.
    async fn put_signing_key(&mut self, key: &StoredKey) -> Result<(), StoreError>;
    /// Removes a key.
    async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError>;
}
