//! What API keys serve for, as identity tells it.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_types::{ApiKeyId, KeyScope, Timestamp, UserId};
use sha2::{Digest, Sha256};

use super::KeyError;

/// SHA-256 of the text of a key. Identity knows a key by it, so that the text itself is sent nowhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest(pub [u8; 32]);

bailiwick_types::debug_fields!(KeyDigest {});

impl KeyDigest {
    /// The digest of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

/// A key that serves.
#[derive(Debug, Clone)]
pub struct VerifiedKey {
    /// Its maker, as whom it calls.
    pub user: UserId,
    /// What it serves for.
    pub scope: Arc<KeyScope>,
    /// When it ends.
    pub expires: Timestamp,
}

/// Tells whose an API key is.
#[async_trait]
pub trait ApiKeys: Send + Sync + 'static {
    /// The key with this id and this digest; none where it does not serve.
    ///
    /// # Errors
    /// Identity does not answer, or fails.
    async fn verify(&self, id: ApiKeyId, digest: &KeyDigest) -> Result<Option<VerifiedKey>, KeyError>;
}
