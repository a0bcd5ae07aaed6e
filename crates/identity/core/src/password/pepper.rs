//! Peppers: a key that is not in the database, without which a stolen hash cannot be guessed at.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

/// Separates the id of the pepper from the hash in its stored form.
const MARK: &str = "pepper:";

/// A key with its id.
#[derive(Clone)]
pub struct Pepper {
    id: String,
    key: hmac::Key,
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pepper")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Pepper {
    /// A pepper from a secret. The id is stored with each hash and has no `$`.
    #[must_use]
    pub fn new(id: &str, secret: &SecretString) -> Self {
        Self {
            id: id.replace('$', ""),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()),
        }
    }
}

/// The peppers of a deployment.
#[derive(Debug, Clone, Default)]
pub struct Peppers {
    /// The one of new hashes.
    pub current: Option<Pepper>,
    /// The one of hashes that were made before the last rotation.
    pub previous: Option<Pepper>,
}

/// A hash in its stored form, taken apart.
pub(super) struct Stored<'a> {
    /// The id of its pepper.
    pub(super) pepper: Option<&'a str>,
    /// The PHC string.
    pub(super) phc: &'a str,
}

pub(super) fn take_apart(stored: &str) -> Stored<'_> {
    let peppered = stored.strip_prefix(MARK).and_then(|rest| {
        let at = rest.find('$')?;
        Some(rest.split_at(at))
    });
    match peppered {
        Some((id, phc)) => Stored {
            pepper: Some(id),
            phc,
        },
        None => Stored {
            pepper: None,
            phc: stored,
        },
    }
}

impl Peppers {
    /// The id of new hashes.
    pub(super) fn current_id(&self) -> Option<&str> {
        self.current.as_ref().map(|pepper| &*pepper.id)
    }
    /// The stored form of a new hash.
    pub(super) fn mark(&self, phc: &str) -> String {
        match self.current_id() {
            Some(id) => format!("{MARK}{id}{phc}"),
            None => phc.to_owned(),
        }
    }
    /// What is hashed in the place of a password; nothing where the pepper is unknown.
    pub(super) fn apply(&self, id: Option<&str>, password: &SecretString) -> Option<Vec<u8>> {
        let password = password.expose_secret().as_bytes();
        let Some(id) = id else {
            return Some(password.to_vec());
        };
        let known = [&self.current, &self.previous].into_iter().flatten();
        let pepper = known.into_iter().find(|pepper| pepper.id == id)?;
        Some(hmac::sign(&pepper.key, password).as_ref().to_vec())
    }
}
