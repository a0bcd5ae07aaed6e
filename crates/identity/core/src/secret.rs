//! Secrets that the service generates: refresh tokens, client secrets, device tokens, challenges and those of
//! mails. Only their digests are stored.

use bailiwick_types::Rng;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 of a secret of 256 random bits; never used for passwords.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a secret.
    #[must_use]
    pub fn of(secret: &SecretString) -> Self {
        Self(Sha256::digest(secret.expose_secret().as_bytes()).into())
    }
    /// The digest of parts, each with its length.
    #[must_use]
    pub fn of_parts(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// A stored digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// Whether both are equal, in constant time.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

/// The kinds of secrets. Each has a prefix that secret scanners recognize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A refresh token.
    Refresh,
    /// The secret of a service account.
    Client,
    /// The token of a known device.
    Device,
    /// The challenge between password and second factor.
    Challenge,
    /// A secret that is mailed.
    Mailed,
}

impl SecretKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "bwr_",
            Self::Client => "bwc_",
            Self::Device => "bwd_",
            Self::Challenge => "bwq_",
            Self::Mailed => "bwm_",
        }
    }
    /// Generates a secret of 256 random bits.
    #[must_use]
    pub fn generate(self, rng: &dyn Rng) -> SecretString {
        let mut bytes = [0_u8; 32];
        rng.fill(&mut bytes);
        SecretString::from(format!("{}{}", self.prefix(), URL_SAFE_NO_PAD.encode(bytes)))
    }
}

/// Generates a password of 192 random bits.
#[must_use]
pub fn random_password(rng: &dyn Rng) -> SecretString {
    let mut bytes = [0_u8; 24];
    rng.fill(&mut bytes);
    SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_types::SystemRng;

    #[test]
    fn a_digest_matches_only_its_own_secret() {
        let one = SecretKind::Refresh.generate(&SystemRng);
        let other = SecretKind::Refresh.generate(&SystemRng);
        assert!(Digest::of(&one).same(&Digest::of(&one)));
        assert!(!Digest::of(&one).same(&Digest::of(&other)));
        assert!(one.expose_secret().starts_with("bwr_"));
    }

    #[test]
    fn equal_text_in_other_parts_has_another_digest() {
        assert_ne!(Digest::of_parts(&["ab", "c"]), Digest::of_parts(&["a", "bc"]));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let secret = SecretKind::Client.generate(&SystemRng);
        let shown = format!("{secret:?} {:?}", Digest::of(&secret));
        assert!(!shown.contains(secret.expose_secret()), "{shown}");
    }
}
