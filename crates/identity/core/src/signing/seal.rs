//! Private keys, and secrets of authenticators, at rest: AES-256-GCM under a key derived (HKDF-SHA-256,
//! RFC 5869) from a configured secret, with the key id or the purpose as associated data. Without a secret
//! they are stored in plain text, and only the database protects them.

use bailiwick_seal::SealKey;
use bailiwick_types::{Rng, faults};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

/// What begins the stored form of a secret that is not encrypted.
pub const PLAIN: &str = "plain:";
const SEALED: &str = "aes256gcm.v1:";

faults! {
    /// Why a private key or another secret is not readable. No variant reveals anything of it.
    #[derive(Clone, PartialEq, Eq)]
    SealError;
    /// It is encrypted and no secret is configured.
    NoSecret "signing keys and secrets are encrypted; configure the key encryption secret"
        => Internal Internal;
    /// The secret is another one, or the row was changed.
    Wrong "cannot decrypt signing keys or secrets with the configured key encryption secret"
        => Internal Internal;
    /// The row does not hold a private key.
    Unreadable "a stored signing key or secret is malformed" => Internal Internal;
}

/// Seals and opens private keys.
pub struct KeySeal {
    key: Option<SealKey>,
}

impl std::fmt::Debug for KeySeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySeal")
            .field("encrypts", &self.key.is_some())
            .finish()
    }
}

impl KeySeal {
    /// Derives the encryption key from the configured secret, if there is one.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn new(secret: Option<&SecretString>) -> Result<Self, SealError> {
        let Some(secret) = secret else {
            return Ok(Self { key: None });
        };
        let secret = secret.expose_secret().as_bytes();
        let key = SealKey::derive(secret, b"bailiwick identity signing keys v1", b"aes-256-gcm");
        Ok(Self {
            key: Some(key.ok_or(SealError::Unreadable)?),
        })
    }
    /// Whether it encrypts.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        self.key.is_some()
    }
    /// Whether a stored key is in plain text although this seal encrypts.
    #[must_use]
    pub fn is_outdated(&self, stored: &SecretString) -> bool {
        self.encrypts() && stored.expose_secret().starts_with(PLAIN)
    }
    /// The stored form of a private key.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn seal(&self, kid: &str, seed: &[u8; 32], rng: &dyn Rng) -> Result<SecretString, SealError> {
        self.seal_bytes(kid, seed, rng)
    }
    /// The stored form of any secret. It opens only for the same purpose.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn seal_bytes(&self, purpose: &str, secret: &[u8], rng: &dyn Rng) -> Result<SecretString, SealError> {
        let Some(key) = &self.key else {
            return Ok(SecretString::from(format!(
                "{PLAIN}{}",
                STANDARD_NO_PAD.encode(secret)
            )));
        };
        let all = key.seal(purpose.as_bytes(), secret, rng);
        let all = all.ok_or(SealError::Unreadable)?;
        Ok(SecretString::from(format!(
            "{SEALED}{}",
            STANDARD_NO_PAD.encode(all)
        )))
    }
    /// The private key of a stored form.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, kid: &str, stored: &SecretString) -> Result<[u8; 32], SealError> {
        let seed = self.open_bytes(kid, stored)?;
        seed.try_into().map_err(|_| SealError::Unreadable)
    }
    /// The secret of a stored form.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open_bytes(&self, purpose: &str, stored: &SecretString) -> Result<Vec<u8>, SealError> {
        let text = stored.expose_secret();
        if let Some(plain) = text.strip_prefix(PLAIN) {
            return STANDARD_NO_PAD.decode(plain).map_err(|_| SealError::Unreadable);
        }
        let sealed = text.strip_prefix(SEALED).ok_or(SealError::Unreadable)?;
        let key = self.key.as_ref().ok_or(SealError::NoSecret)?;
        let all = STANDARD_NO_PAD
            .decode(sealed)
            .map_err(|_| SealError::Unreadable)?;
        key.open(purpose.as_bytes(), &all).ok_or(SealError::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_types::SystemRng;

    fn seal(secret: &str) -> KeySeal {
        KeySeal::new(Some(&SecretString::from(secret))).unwrap()
    }

    #[test]
    fn a_sealed_key_opens_only_with_the_same_secret_and_key_id() {
        let sealed = seal("one").seal("kid", &[7; 32], &SystemRng).unwrap();
        assert!(sealed.expose_secret().starts_with(SEALED));
        assert_eq!(seal("one").open("kid", &sealed), Ok([7; 32]));
        assert_eq!(seal("two").open("kid", &sealed), Err(SealError::Wrong));
        assert_eq!(seal("one").open("other", &sealed), Err(SealError::Wrong));
        assert_eq!(
            KeySeal::new(None).unwrap().open("kid", &sealed),
            Err(SealError::NoSecret)
        );
    }

    #[test]
    fn a_plain_key_is_outdated_once_a_secret_is_configured() {
        let plain = KeySeal::new(None).unwrap();
        let stored = plain.seal("kid", &[9; 32], &SystemRng).unwrap();
        assert!(!plain.is_outdated(&stored));
        assert!(seal("one").is_outdated(&stored));
        assert_eq!(seal("one").open("kid", &stored), Ok([9; 32]));
    }
}
