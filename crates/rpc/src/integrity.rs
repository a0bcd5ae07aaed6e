//! Keys that authenticate what leaves the suite and comes back: consistency tokens, values of the shared
//! cache.
//!
//! All keys are derived (HKDF-SHA-256, RFC 5869) from one secret that the processes of a deployment share,
//! with another `info` for each purpose. The id of a key is derived too, so that a rotation configures
//! secrets alone: the present one signs, the previous one is still accepted.

use aws_lc_rs::{constant_time, hkdf, hmac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Secret;

/// The shortest secret, in bytes.
const SHORTEST: usize = 32;
/// Bytes of a key id.
pub const KEY_ID: usize = 4;
const SALT: &[u8] = b"bailiwick integrity v1";

/// The secret that keys are derived from.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IntegrityConfig {
    /// A secret of at least 32 characters that all processes of a deployment share: consistency tokens and
    /// the values in Redis are authenticated with keys derived from it. Required unless one process runs all
    /// services on embedded databases: that one creates it in its data directory.
    pub secret: Option<Secret>,
    /// The secret before the last rotation: what was authenticated with it is still accepted.
    pub previous_secret: Option<Secret>,
}

/// Error for secrets that no key can be derived from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntegrityError {
    /// There is none.
    #[error("`integrity.secret` is required")]
    Missing,
    /// It is too short to be kept from guessing.
    #[error("`integrity.{0}` must have at least {SHORTEST} characters")]
    Short(&'static str),
    /// The cryptographic library fails.
    #[error("cannot derive a key from `integrity.{0}`")]
    Derive(&'static str),
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Consistency tokens.
    ConsistencyToken,
    /// Values of the shared cache.
    SharedCache,
    /// Heads and exports of the audit log.
    AuditLog,
}

impl Purpose {
    const fn info(self) -> &'static [u8] {
        match self {
            Self::ConsistencyToken => b"consistency token",
            Self::SharedCache => b"shared cache",
            Self::AuditLog => b"audit log",
        }
    }
}

/// How a message stands to a code that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// One of the keys made the code for this message.
    Authentic,
    /// The key with this id did not make the code for this message.
    Forged,
    /// No key has this id.
    UnknownKey,
}

/// The keys of one purpose.
#[derive(Clone)]
pub struct MacKeys {
    /// The first one signs.
    keys: Vec<([u8; KEY_ID], hmac::Key)>,
}

impl std::fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MacKeys({})", self.keys.len())
    }
}

impl MacKeys {
    /// Derives the keys of a purpose.
    ///
    /// # Errors
    /// There is no secret, or one is too short.
    pub fn derive(config: &IntegrityConfig, purpose: Purpose) -> Result<Self, IntegrityError> {
        let given = |secret: &&Secret| !secret.is_empty();
        let secret = config.secret.as_ref().filter(given);
        let secret = secret.ok_or(IntegrityError::Missing)?;
        let previous = config.previous_secret.as_ref().filter(given);
        let secrets = [("secret", Some(secret)), ("previous_secret", previous)];
        let keys = secrets.into_iter().filter_map(|(name, secret)| {
            let secret = secret?.expose().as_bytes();
            Some(if secret.len() < SHORTEST {
                Err(IntegrityError::Short(name))
            } else {
                key(secret, purpose).ok_or(IntegrityError::Derive(name))
            })
        });
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Keys that no other process has: for a frame that is given none, as in tests.
    #[must_use]
    pub fn of_this_process(purpose: Purpose) -> Self {
        static SECRET: std::sync::OnceLock<[u8; SHORTEST]> = std::sync::OnceLock::new();
        let secret = SECRET.get_or_init(|| {
            let mut secret = [0; SHORTEST];
            // Without a random secret there is no key, and nothing verifies.
            let _ = aws_lc_rs::rand::fill(&mut secret);
            secret
        });
        let random = secret.iter().any(|byte| *byte != 0);
        Self {
            keys: key(secret, purpose).filter(|_| random).into_iter().collect(),
        }
    }

    /// The id of the signing key, and the code of a message that is given in parts. The parts must be told
    /// apart by their own lengths.
    #[must_use]
    pub fn sign(&self, message: &[&[u8]]) -> Option<([u8; KEY_ID], [u8; 32])> {
        let (id, key) = self.keys.first()?;
        Some((*id, code(key, id, message)))
    }

    /// Tests a code, or the beginning of one, of a message.
    #[must_use]
    pub fn verify(&self, id: &[u8], message: &[&[u8]], mac: &[u8]) -> Verdict {
        let Some((id, key)) = self.keys.iter().find(|(known, _)| known == id) else {
            return Verdict::UnknownKey;
        };
        let made = code(key, id, message);
        let made = made.get(..mac.len()).filter(|_| !mac.is_empty());
        match made.map(|made| constant_time::verify_slices_are_equal(made, mac)) {
            Some(Ok(())) => Verdict::Authentic,
            _ => Verdict::Forged,
        }
    }
}

fn code(key: &hmac::Key, id: &[u8; KEY_ID], message: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(id);
    message.iter().for_each(|part| context.update(part));
    let mut code = [0; 32];
    code.copy_from_slice(context.sign().as_ref());
    code
}

fn key(secret: &[u8], purpose: Purpose) -> Option<([u8; KEY_ID], hmac::Key)> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret);
    let expand = |what: &[u8], into: &mut [u8]| {
        let info = [purpose.info(), what];
        let okm = derived.expand(&info, Length(into.len())).ok()?;
        okm.fill(into).ok()
    };
    let (mut id, mut bytes) = ([0; KEY_ID], [0; 32]);
    expand(b" key id", &mut id)?;
    expand(b" key", &mut bytes)?;
    Some((id, hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str, previous: Option<&str>, purpose: Purpose) -> MacKeys {
        let config = IntegrityConfig {
            secret: Some(Secret::new(secret.repeat(32))),
            previous_secret: previous.map(|text| Secret::new(text.repeat(32))),
        };
        MacKeys::derive(&config, purpose).unwrap()
    }

    #[test]
    fn a_code_is_good_for_its_message_key_and_purpose_alone() {
        let a = keys("a", None, Purpose::SharedCache);
        let (id, mac) = a.sign(&[b"key", b"value"]).unwrap();
        assert_eq!(a.verify(&id, &[b"key", b"value"], &mac), Verdict::Authentic);
        assert_eq!(a.verify(&id, &[b"key", b"other"], &mac), Verdict::Forged);
        assert_eq!(a.verify(&id, &[b"key", b"value"], &[]), Verdict::Forged);
        for other in [
            keys("b", None, Purpose::SharedCache),
            keys("a", None, Purpose::ConsistencyToken),
            MacKeys::of_this_process(Purpose::SharedCache),
        ] {
            assert_eq!(other.verify(&id, &[b"key", b"value"], &mac), Verdict::UnknownKey);
        }
    }

    #[test]
    fn after_a_rotation_the_previous_secret_verifies_and_the_present_one_signs() {
        let before = keys("a", None, Purpose::ConsistencyToken);
        let after = keys("b", Some("a"), Purpose::ConsistencyToken);
        let (id, mac) = before.sign(&[b"m"]).unwrap();
        assert_eq!(after.verify(&id, &[b"m"], &mac), Verdict::Authentic);
        let (id, mac) = after.sign(&[b"m"]).unwrap();
        assert_eq!(before.verify(&id, &[b"m"], &mac), Verdict::UnknownKey);
        let only = keys("b", None, Purpose::ConsistencyToken);
        assert_eq!(only.verify(&id, &[b"m"], &mac), Verdict::Authentic);
    }

    #[test]
    fn a_secret_that_could_be_guessed_is_refused_by_its_name() {
        let config = IntegrityConfig {
            secret: Some(Secret::new("short")),
            previous_secret: None,
        };
        let refused = MacKeys::derive(&config, Purpose::SharedCache);
        assert_eq!(refused.unwrap_err(), IntegrityError::Short("secret"));
        let config = IntegrityConfig {
            secret: Some(Secret::new("x".repeat(32))),
            previous_secret: Some(Secret::new("short")),
        };
        let refused = MacKeys::derive(&config, Purpose::SharedCache);
        assert_eq!(refused.unwrap_err(), IntegrityError::Short("previous_secret"));
        let refused = MacKeys::derive(&IntegrityConfig::default(), Purpose::SharedCache);
        assert_eq!(refused.unwrap_err(), IntegrityError::Missing);
    }
}
