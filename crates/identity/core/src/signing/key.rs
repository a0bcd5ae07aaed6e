//! A signing key.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use bailiwick_types::{Rng, Timestamp};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{KeySeal, SealError};

/// A stored key.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// Key id: the JWK thumbprint (RFC 7638).
    pub kid: String,
    /// The public key, 32 bytes in base64url.
    pub public: String,
    /// The private key, as [`KeySeal`] stores it.
    pub private: SecretString,
    /// When it begins to sign.
    pub active_from: Timestamp,
    /// When it was created.
    pub created: Timestamp,
}

/// A key that can sign.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Key id.
    pub kid: String,
    /// The public key in base64url: `x` of its JWK.
    pub public: String,
    /// When it begins to sign.
    pub active_from: Timestamp,
    /// When it was created.
    pub created: Timestamp,
    pub(super) encoding: EncodingKey,
}

impl SigningKey {
    /// Generates a key, in its stored form.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn generate(
        rng: &dyn Rng,
        seal: &KeySeal,
        now: Timestamp,
        active_from: Timestamp,
    ) -> Result<StoredKey, SealError> {
        let mut seed = [0_u8; 32];
        rng.fill(&mut seed);
        let (kid, public, _) = read_seed(&seed)?;
        let private = seal.seal(&kid, &seed, rng)?;
        Ok(StoredKey {
            kid,
            public,
            private,
            active_from,
            created: now,
        })
    }
    /// Opens a stored key.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(stored: &StoredKey, seal: &KeySeal) -> Result<Self, SealError> {
        let seed = seal.open(&stored.kid, &stored.private)?;
        let (kid, public, encoding) = read_seed(&seed)?;
        if kid != stored.kid || public != stored.public {
            return Err(SealError::Unreadable);
        }
        Ok(Self {
            kid,
            public,
            active_from: stored.active_from,
            created: stored.created,
            encoding,
        })
    }
}

fn read_seed(seed: &[u8; 32]) -> Result<(String, String, EncodingKey), SealError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SealError::Unreadable)?;
    let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let thumbprint = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint.as_bytes()));
    let der = pair.to_pkcs8().map_err(|_| SealError::Unreadable)?;
    Ok((kid, public, EncodingKey::from_ed_der(der.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_types::SystemRng;

    #[test]
    fn a_key_opens_as_it_was_made_and_never_shows_its_private_part() {
        let seal = KeySeal::new(None).unwrap();
        let stored = SigningKey::generate(&SystemRng, &seal, Timestamp(1), Timestamp(2)).unwrap();
        let key = SigningKey::open(&stored, &seal).unwrap();
        assert_eq!(
            (key.kid.as_str(), key.public.as_str()),
            (stored.kid.as_str(), stored.public.as_str())
        );
        let shown = format!("{stored:?} {key:?} {seal:?}");
        assert!(shown.contains("REDACTED") && !shown.contains("plain:"), "{shown}");
    }
}
