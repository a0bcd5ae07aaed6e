//! The live secrets of a service account: one, and while it is rotated two.

use bailiwick_types::Timestamp;

use crate::secret::Digest;

/// The digests of the secrets of a service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secrets {
    /// The one that is deployed; with a newer one, the older of both.
    pub deployed: Digest,
    /// The newer one.
    pub new: Option<NewSecret>,
}

/// A secret that takes the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSecret {
    /// Its digest.
    pub digest: Digest,
    /// When the older one ends.
    pub old_ends: Timestamp,
}

impl Secrets {
    /// A single secret.
    #[must_use]
    pub fn one(digest: Digest) -> Self {
        Self {
            deployed: digest,
            new: None,
        }
    }
    /// Those that are live: an older one that has ended gave way to the newer one.
    #[must_use]
    pub fn live(self, now: Timestamp) -> Self {
        match self.new {
            Some(new) if new.old_ends <= now => Self::one(new.digest),
            _ => self,
        }
    }
    /// Whether a secret is live.
    #[must_use]
    pub fn accept(self, digest: &Digest, now: Timestamp) -> bool {
        let live = self.live(now);
        // Both are compared, so that the time does not tell which one it is.
        let new = live.new.is_some_and(|new| new.digest.same(digest));
        live.deployed.same(digest) | new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_secret_ends_at_its_end_and_not_before() {
        let [old, new, other] = [1, 2, 3].map(|byte| Digest::from_bytes([byte; 32]));
        let secrets = Secrets {
            deployed: old,
            new: Some(NewSecret {
                digest: new,
                old_ends: Timestamp(10),
            }),
        };
        let accepted = |now| [old, new, other].map(|digest| secrets.accept(&digest, Timestamp(now)));
        assert_eq!(accepted(9), [true, true, false]);
        assert_eq!(accepted(10), [false, true, false]);
        assert_eq!(secrets.live(Timestamp(9)), secrets);
        assert_eq!(secrets.live(Timestamp(10)), Secrets::one(new));
    }
}
