//! Public keys of access tokens.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{EllipticCurve, Jwk, JwkSet, KeyOperations, PublicKeyUse},
};

/// Why signing keys are unavailable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Their source does not answer.
    #[error("signing keys are temporarily unavailable")]
    Unavailable,
    /// The key set is malformed.
    #[error("cannot parse the JWK set: {0}")]
    Malformed(String),
}

/// A public key of access tokens, ES256 or EdDSA. The key determines the algorithm, never the token.
#[derive(Clone)]
pub struct VerificationKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

bailiwick_types::debug_fields!(VerificationKey { algorithm });

impl VerificationKey {
    /// Reads one key of a set.
    ///
    /// # Errors
    /// It is not a public key for ES256 or EdDSA.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        use jsonwebtoken::jwk::AlgorithmParameters as P;
        let algorithm = match &jwk.algorithm {
            P::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
            P::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
            _ => {
                return Err(KeyError::Malformed(
                    "unsupported key: expected P-256 or Ed25519".to_owned(),
                ));
            }
        };
        let key = DecodingKey::from_jwk(jwk).map_err(|error| KeyError::Malformed(error.to_string()))?;
        Ok(Self { algorithm, key })
    }
}

/// A set of public keys by their id.
#[derive(Debug, Clone, Default)]
pub struct VerificationKeys(BTreeMap<String, Arc<VerificationKey>>);

impl VerificationKeys {
    /// Reads a key set (RFC 7517). Keys for other uses than verifying and keys of unsupported kinds are
    /// skipped.
    ///
    /// # Errors
    /// The text is not a key set.
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        let set: JwkSet =
            serde_json::from_str(json).map_err(|error| KeyError::Malformed(error.to_string()))?;
        let mut keys = BTreeMap::new();
        for jwk in &set.keys {
            let verifies = |ops: &Vec<KeyOperations>| ops.contains(&KeyOperations::Verify);
            let usable = jwk.common.key_operations.as_ref().is_none_or(verifies)
                && !matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption));
            if let (true, Some(id), Ok(key)) = (usable, &jwk.common.key_id, VerificationKey::from_jwk(jwk)) {
                keys.insert(id.clone(), Arc::new(key));
            }
        }
        Ok(Self(keys))
    }
    /// The key with an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<VerificationKey>> {
        self.0.get(id).cloned()
    }
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The source of the public keys: identity has them, the other services ask it.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The key with this id; none where there is no such key.
    ///
    /// # Errors
    /// The keys are unavailable.
    async fn key(&self, id: &str) -> Result<Option<Arc<VerificationKey>>, KeyError>;

    /// Whether there is a key: without one no token can be verified.
    ///
    /// # Errors
    /// The keys are unavailable.
    async fn has_keys(&self) -> Result<bool, KeyError>;
}
