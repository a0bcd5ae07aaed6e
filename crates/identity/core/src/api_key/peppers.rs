//! What keys are stored under: an HMAC with a key that is not in the database.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

use crate::secret::Digest;

/// Separates what is derived from a secret of the deployment from its other uses.
const DERIVED: &[u8] = b"bailiwick api keys: pepper";
const DERIVED_ID: &[u8] = b"bailiwick api keys: id of the pepper";

/// What a key is verified by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMac {
    /// The id of the pepper.
    pub pepper: String,
    /// HMAC-SHA-256 of the SHA-256 of the key's text.
    pub mac: Digest,
}

/// A key of the HMAC with its id.
#[derive(Clone)]
pub struct KeyPepper {
    id: String,
    key: hmac::Key,
}

impl std::fmt::Debug for KeyPepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPepper")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl KeyPepper {
    /// A pepper that is configured for API keys.
    #[must_use]
    pub fn new(id: &str, secret: &SecretString) -> Self {
        Self {
            id: id.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()),
        }
    }
    /// The pepper that follows from a secret which the deployment has for other uses too.
    #[must_use]
    pub fn derived(secret: &SecretString) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        let id = hmac::sign(&root, DERIVED_ID);
        let id = id.as_ref().iter().take(8).map(|byte| format!("{byte:02x}"));
        Self {
            id: format!("derived:{}", id.collect::<String>()),
            key: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, DERIVED).as_ref()),
        }
    }
    fn sign(&self, text: &Digest) -> Digest {
        let signed = hmac::sign(&self.key, text.as_bytes());
        let mut mac = [0; 32];
        for (to, from) in mac.iter_mut().zip(signed.as_ref()) {
            *to = *from;
        }
        Digest::from_bytes(mac)
    }
}

/// The peppers of a deployment.
#[derive(Debug, Clone)]
pub struct KeyPeppers {
    current: KeyPepper,
    previous: Vec<KeyPepper>,
}

impl KeyPeppers {
    /// The pepper of new keys, and those of keys that were made before.
    #[must_use]
    pub fn new(current: KeyPepper, previous: impl IntoIterator<Item = KeyPepper>) -> Self {
        Self {
            current,
            previous: previous.into_iter().collect(),
        }
    }
    /// What the key whose text has this SHA-256 is stored as.
    #[must_use]
    pub fn mac(&self, text: &Digest) -> KeyMac {
        KeyMac {
            pepper: self.current.id.clone(),
            mac: self.current.sign(text),
        }
    }
    /// Whether the text with this SHA-256 is what was stored; not where its pepper is not known any more.
    #[must_use]
    pub fn verify(&self, stored: &KeyMac, text: &Digest) -> bool {
        let mut peppers = std::iter::once(&self.current).chain(&self.previous);
        let pepper = peppers.find(|pepper| pepper.id == stored.pepper);
        pepper.is_some_and(|pepper| pepper.sign(text).same(&stored.mac))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peppers(secrets: &[&str]) -> KeyPeppers {
        let mut peppers = secrets.iter().map(|secret| KeyPepper::derived(&(*secret).into()));
        let current = peppers.next().unwrap();
        KeyPeppers::new(current, peppers)
    }

    #[test]
    fn a_key_is_known_under_its_own_pepper_also_after_a_rotation() {
        let text = Digest::of_parts(&["a key"]);
        let old = peppers(&["old secret"]);
        let stored = old.mac(&text);
        assert!(old.verify(&stored, &text));
        assert!(peppers(&["new secret", "old secret"]).verify(&stored, &text));
        assert!(!peppers(&["new secret"]).verify(&stored, &text));
        assert!(!old.verify(&stored, &Digest::of_parts(&["another"])));
        let other = KeyMac {
            pepper: peppers(&["new secret"]).mac(&text).pepper,
            ..stored.clone()
        };
        assert!(!peppers(&["new secret", "old secret"]).verify(&other, &text));
    }

    #[test]
    fn what_is_stored_shows_neither_the_text_nor_the_pepper() {
        let text = Digest::of_parts(&["a key"]);
        let pepper = KeyPepper::new("2026", &"a secret of the deployment".into());
        let shown = format!("{pepper:?}");
        assert!(shown.contains("2026") && !shown.contains("secret of"), "{shown}");
        let mac = KeyPeppers::new(pepper, []).mac(&text);
        assert_ne!(mac.mac, text);
    }
}
