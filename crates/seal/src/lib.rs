//! Sealing of what a database must not show: AES-256-GCM with a random nonce in front, and a text that says
//! what the sealed bytes are for as associated data, so that they open nowhere else.
//!
//! Keys are derived from a secret of the deployment (HKDF-SHA-256, RFC 5869) or random. The crate depends on
//! `bailiwick-types` alone.
//!
//! ```
//! use bailiwick_seal::SealKey;
//! use bailiwick_types::SystemRng;
//!
//! let key = SealKey::derive(b"a secret of the deployment", b"example v1", b"aes-256-gcm").unwrap();
//! let sealed = key.seal(b"row 1", b"hidden", &SystemRng).unwrap();
//! assert_eq!(key.open(b"row 1", &sealed).as_deref(), Some(&b"hidden"[..]));
//! assert_eq!(key.open(b"row 2", &sealed), None);
//! ```

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf,
};
use bailiwick_types::Rng;

/// Bytes of a key.
pub const KEY: usize = 32;
/// Bytes of the name of a secret.
const NAME: usize = 4;

/// A key that seals and opens.
pub struct SealKey(LessSafeKey);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealKey").finish_non_exhaustive()
    }
}

impl SealKey {
    /// Derives a key from a secret. Nothing where the cryptographic library fails.
    #[must_use]
    pub fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Option<Self> {
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
        let info = [info];
        let okm = derived.expand(&info, &AES_256_GCM).ok()?;
        Some(Self(LessSafeKey::new(UnboundKey::from(okm))))
    }
    /// Names a secret without telling it: the beginning of another value that is derived from it, in
    /// hexadecimal digits. It says which secret a key was sealed under. Nothing where the library fails.
    #[must_use]
    pub fn name(secret: &[u8], salt: &[u8]) -> Option<String> {
        struct Length;
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                NAME
            }
        }
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
        let info: [&[u8]; 1] = [b"name"];
        let mut bytes = [0; NAME];
        derived.expand(&info, Length).ok()?.fill(&mut bytes).ok()?;
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
    /// The key with these bytes. Nothing where the cryptographic library fails.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }
    /// Seals for a purpose: the nonce, then the sealed bytes. Nothing where the cryptographic library fails.
    #[must_use]
    pub fn seal(&self, purpose: &[u8], plain: &[u8], rng: &dyn Rng) -> Option<Vec<u8>> {
        let mut nonce = [0_u8; NONCE_LEN];
        rng.fill(&mut nonce);
        let mut sealed = plain.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(unique, Aad::from(purpose), &mut sealed)
            .ok()?;
        Some([&nonce[..], &sealed].concat())
    }
    /// Opens what was sealed for a purpose. Nothing where it was sealed with another key or for another
    /// purpose, or was changed.
    #[must_use]
    pub fn open(&self, purpose: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::from(purpose), &mut sealed);
        plain.ok().map(|plain| plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_types::SystemRng;

    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_for_the_same_purpose_unchanged() {
        let key = SealKey::from_bytes(&[7; KEY]).unwrap();
        let sealed = key.seal(b"a", b"text", &SystemRng).unwrap();
        assert_eq!(key.open(b"a", &sealed), Some(b"text".to_vec()));
        assert_eq!(key.open(b"b", &sealed), None);
        assert_eq!(SealKey::from_bytes(&[8; KEY]).unwrap().open(b"a", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(b"a", &changed), None, "byte {at}");
        }
        assert_eq!(key.open(b"a", &sealed[..sealed.len() - 1]), None);
        assert_eq!(key.open(b"a", &[]), None);
    }

    #[test]
    fn two_seals_of_a_text_differ() {
        let key = SealKey::derive(b"secret", b"salt", b"info").unwrap();
        let seal = || key.seal(b"a", b"text", &SystemRng).unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn secrets_have_names_of_their_own() {
        let name = |secret: &[u8]| SealKey::name(secret, b"salt").unwrap();
        assert_eq!(name(b"one"), name(b"one"));
        assert_ne!(name(b"one"), name(b"two"));
        assert_ne!(SealKey::name(b"one", b"other").unwrap(), name(b"one"));
    }

    #[test]
    fn keys_of_other_secrets_salts_and_infos_are_other_keys() {
        let sealed = SealKey::derive(b"secret", b"salt", b"info").unwrap();
        let sealed = sealed.seal(b"a", b"text", &SystemRng).unwrap();
        for (secret, salt, info) in [
            (&b"other"[..], &b"salt"[..], &b"info"[..]),
            (b"secret", b"other", b"info"),
            (b"secret", b"salt", b"other"),
        ] {
            assert_eq!(
                SealKey::derive(secret, salt, info).unwrap().open(b"a", &sealed),
                None
            );
        }
    }
}
