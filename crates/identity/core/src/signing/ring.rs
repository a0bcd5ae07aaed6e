//! The keys in use, as a process holds them.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bailiwick_types::{Clock, Rng, ScopeRoot, StoreError, Timestamp, faults};

use super::{KeySeal, SealError, SigningKey, StoredKey};
use crate::{change::Change, store::Store};

/// When keys are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTimes {
    /// How long a key signs.
    pub rotate_after: Duration,
    /// How long a new key is published before it signs: longer than clients cache the key set.
    pub publish_ahead: Duration,
    /// How long a key is published after its successor began to sign: longer than the lifetime of an access
    /// token.
    pub keep: Duration,
}

impl Default for KeyTimes {
    fn default() -> Self {
        Self {
            rotate_after: Duration::from_hours(2160),
            publish_ahead: Duration::from_hours(1),
            keep: Duration::from_hours(24),
        }
    }
}

/// The keys at one instant, in the order in which they begin to sign.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<SigningKey>,
}

impl KeyRing {
    pub(super) fn of(mut keys: Vec<SigningKey>) -> Self {
        keys.sort_by(|a, b| (a.active_from, &a.kid).cmp(&(b.active_from, &b.kid)));
        Self { keys }
    }
    /// The key that signs at an instant: the one that began last. If none has begun, the first signs, so that
    /// a clock that was set back stops nothing.
    #[must_use]
    pub fn signing(&self, now: Timestamp) -> Option<&SigningKey> {
        self.keys
            .iter()
            .rev()
            .find(|k| k.active_from <= now)
            .or(self.keys.first())
    }
    /// The public keys: key id and the public key in base64url.
    pub fn public(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().map(|k| (k.kid.as_str(), k.public.as_str()))
    }
    /// The key set as JSON (RFC 7517, RFC 8037).
    #[must_use]
    pub fn jwks(&self) -> String {
        let keys: Vec<serde_json::Value> = self
            .public()
            .map(|(kid, x)| {
                serde_json::json!({
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x
                })
            })
            .collect();
        serde_json::json!({ "keys": keys }).to_string()
    }
}

faults! {
    /// Why the keys are not available.
    KeysError: Store(StoreError), Seal(SealError);
}

/// The keys of a process. Clones share them.
#[derive(Clone)]
pub struct Keys {
    inner: Arc<Inner>,
}

struct Inner {
    ring: RwLock<Arc<KeyRing>>,
    loaded: RwLock<Option<Duration>>,
    seal: KeySeal,
    times: KeyTimes,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

impl Inner {
    fn open(&self, stored: &[StoredKey]) -> Result<KeyRing, SealError> {
        let keys = stored.iter().map(|key| SigningKey::open(key, &self.seal));
        Ok(KeyRing::of(keys.collect::<Result<_, _>>()?))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("seal", &self.inner.seal)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Starts without keys: [`Self::maintain`] creates or loads them.
    #[must_use]
    pub fn new(seal: KeySeal, times: KeyTimes, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self {
            inner: Arc::new(Inner {
                ring: RwLock::default(),
                loaded: RwLock::default(),
                seal,
                times,
                clock,
                rng,
            }),
        }
    }
    /// Whether private keys are encrypted in the store.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        self.inner.seal.encrypts()
    }
    /// Seals secrets of the store with the configured key encryption secret.
    #[must_use]
    pub fn seal(&self) -> &KeySeal {
        &self.inner.seal
    }
    /// The keys as of the last load.
    #[must_use]
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.inner.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
    /// The keys, reloaded if older than `age`: another process may have created one.
    ///
    /// # Errors
    /// The store failed, or a key is not readable.
    pub async fn ring_of_age(&self, store: &dyn Store, age: Duration) -> Result<Arc<KeyRing>, KeysError> {
        let loaded = *self.inner.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = loaded.is_some_and(|at| self.inner.clock.boottime().saturating_sub(at) < age);
        if !fresh {
            self.load(store).await?;
        }
        Ok(self.ring())
    }
    /// Reloads the keys.
    ///
    /// # Errors
    /// The store failed, or a key is not readable.
    pub async fn load(&self, store: &dyn Store) -> Result<(), KeysError> {
        let at = self.inner.clock.boottime();
        let stored = store.signing_keys().await?;
        let ring = Arc::new(self.inner.open(&stored)?);
        *self.inner.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        *self.inner.loaded.write().unwrap_or_else(PoisonError::into_inner) = Some(at);
        Ok(())
    }
    /// Creates the first key, or the next one when it is due, removes keys that are no longer needed,
    /// encrypts keys that are still in plain text, and loads them.
    ///
    /// # Errors
    /// The store failed, or a key is not readable.
    pub async fn maintain(&self, store: &dyn Store) -> Result<(), KeysError> {
        let now = self.inner.clock.now();
        self.load(store).await?;
        let outdated = store
            .signing_keys()
            .await?
            .iter()
            .any(|k| self.inner.seal.is_outdated(&k.private));
        if outdated || self.is_due(&self.ring(), now) {
            self.change(store, now).await?;
            self.load(store).await?;
        }
        Ok(())
    }

    fn is_due(&self, ring: &KeyRing, now: Timestamp) -> bool {
        let newest = ring.keys.last();
        newest.is_none_or(|k| now >= k.active_from.plus(self.inner.times.rotate_after))
            || !self.unneeded(ring, now).is_empty()
    }

    /// The keys whose successor has signed for so long that every token they signed has expired.
    fn unneeded<'a>(&self, ring: &'a KeyRing, now: Timestamp) -> &'a [SigningKey] {
        let old = ring
            .keys
            .iter()
            .rposition(|k| now >= k.active_from.plus(self.inner.times.keep));
        old.and_then(|at| ring.keys.get(..at)).unwrap_or_default()
    }

    async fn change(&self, store: &dyn Store, now: Timestamp) -> Result<(), KeysError> {
        let inner = &self.inner;
        // The root serializes processes that start at once: only one creates the first key.
        let mut write = store.write(&[ScopeRoot::Deployment]).await?;
        let stored = write.signing_keys().await?;
        for key in stored.iter().filter(|k| inner.seal.is_outdated(&k.private)) {
            let seed = inner.seal.open(&key.kid, &key.private)?;
            let private = inner.seal.seal(&key.kid, &seed, &*inner.rng)?;
            write
                .put_signing_key(&StoredKey {
                    private,
                    ..key.clone()
                })
                .await?;
        }
        let ring = inner.open(&stored)?;
        let newest = ring.keys.last();
        if newest.is_none_or(|k| now >= k.active_from.plus(inner.times.rotate_after)) {
            let from = if newest.is_none() {
                now
            } else {
                now.plus(inner.times.publish_ahead)
            };
            let created = SigningKey::generate(&*inner.rng, &inner.seal, now, from)?;
            write.put_signing_key(&created).await?;
            let done = Change::by_the_suite("signing_key.create", created.kid);
            write.emit(&ScopeRoot::Deployment, done)?;
        }
        for key in self.unneeded(&ring, now) {
            write.delete_signing_key(&key.kid).await?;
            let done = Change::by_the_suite("signing_key.delete", key.kid.clone());
            write.emit(&ScopeRoot::Deployment, done)?;
        }
        write.commit().await?;
        Ok(())
    }
}
