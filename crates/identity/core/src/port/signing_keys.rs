//! Signing keys in the store.

use async_trait::async_trait;

use super::StoreError;
use crate::signing::StoredKey;

/// Reads signing keys.
#[async_trait]
pub trait SigningKeyReader {
    /// All of them.
    ///
    /// # Errors
    /// The store does not answer.
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError>;
}

/// Writes signing keys. The unit holds the deployment's root.
#[async_trait]
pub trait SigningKeyWriter {
    /// All of them, as the unit sees it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn signing_keys_now(&mut self) -> Result<Vec<StoredKey>, StoreError>;
    /// Adds a key, or writes its private part anew.
    ///
    /// # Errors
    /// The store does not answer.
    async fn put_signing_key(&mut self, key: &StoredKey) -> Result<(), StoreError>;
    /// Removes a key.
    ///
    /// # Errors
    /// The store does not answer.
    async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError>;
}
