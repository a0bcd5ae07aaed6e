//! How private keys lie in the database: AES-256-GCM under a key derived (HKDF-SHA-256, RFC 5869) from a configured
//! secret, with the key id as associated data. Without a secret they lie there plainly, and the database's own
//! protection is all there is.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf,
};
use bailiwick_types::Rng;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

const PLAIN: &str = "plain:";
const SEALED: &str = "aes256gcm.v1:";

/// A private key that cannot be read. No variant tells anything of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is sealed and no secret is configured.
    #[error(
        "the signing keys are encrypted: configure the key encryption secret that they were written with"
    )]
    NoSecret,
    /// The secret is another one, or the row was changed.
    #[error("the signing keys cannot be decrypted with the configured key encryption secret")]
    Wrong,
    /// The row is no private key.
    #[error("a stored signing key cannot be read")]
    Unreadable,
}

/// Seals and opens private keys.
pub struct KeySeal {
    key: Option<LessSafeKey>,
}

impl std::fmt::Debug for KeySeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySeal")
            .field("encrypts", &self.key.is_some())
            .finish()
    }
}

impl KeySeal {
    /// Derives the key from the configured secret, where there is one.
    ///
    /// # Errors
    /// The cryptography refuses.
    pub fn new(secret: Option<&SecretString>) -> Result<Self, SealError> {
        let Some(secret) = secret else {
            return Ok(Self { key: None });
        };
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"bailiwick identity signing keys v1");
        let derived = salt.extract(secret.expose_secret().as_bytes());
        let info: [&[u8]; 1] = [b"aes-256-gcm"];
        let okm = derived
            .expand(&info, &AES_256_GCM)
            .map_err(|_| SealError::Unreadable)?;
        Ok(Self {
            key: Some(LessSafeKey::new(UnboundKey::from(okm))),
        })
    }
    /// Whether it encrypts.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        self.key.is_some()
    }
    /// Whether a stored text is not as this seal would write it.
    #[must_use]
    pub fn is_outdated(&self, stored: &SecretString) -> bool {
        self.encrypts() && stored.expose_secret().starts_with(PLAIN)
    }
    /// What is stored for a private key.
    ///
    /// # Errors
    /// The cryptography refuses.
    pub fn seal(&self, kid: &str, seed: &[u8; 32], rng: &dyn Rng) -> Result<SecretString, SealError> {
        let Some(key) = &self.key else {
            return Ok(SecretString::from(format!(
                "{PLAIN}{}",
                STANDARD_NO_PAD.encode(seed)
            )));
        };
        let mut nonce = [0_u8; NONCE_LEN];
        rng.fill(&mut nonce);
        let mut sealed = seed.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(kid), &mut sealed)
            .map_err(|_| SealError::Unreadable)?;
        let mut all = nonce.to_vec();
        all.extend_from_slice(&sealed);
        Ok(SecretString::from(format!(
            "{SEALED}{}",
            STANDARD_NO_PAD.encode(all)
        )))
    }
    /// The private key of a stored text.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(&self, kid: &str, stored: &SecretString) -> Result<[u8; 32], SealError> {
        let text = stored.expose_secret();
        if let Some(plain) = text.strip_prefix(PLAIN) {
            let seed = STANDARD_NO_PAD.decode(plain).map_err(|_| SealError::Unreadable)?;
            return seed.try_into().map_err(|_| SealError::Unreadable);
        }
        let sealed = text.strip_prefix(SEALED).ok_or(SealError::Unreadable)?;
        let key = self.key.as_ref().ok_or(SealError::NoSecret)?;
        let all = STANDARD_NO_PAD
            .decode(sealed)
            .map_err(|_| SealError::Unreadable)?;
        let (nonce, sealed) = all.split_at_checked(NONCE_LEN).ok_or(SealError::Unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Unreadable)?;
        let mut sealed = sealed.to_vec();
        let seed = key
            .open_in_place(nonce, Aad::from(kid), &mut sealed)
            .map_err(|_| SealError::Wrong)?;
        (&*seed).try_into().map_err(|_| SealError::Unreadable)
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
    fn what_is_sealed_opens_with_the_same_secret_and_kid_alone() {
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
