//! The cache of verified tokens, keyed by the SHA-256 of the whole token.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_types::{ApiKeyId, Caller, SessionId, Subject, Timestamp};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// The tolerated clock skew between machines.
const SKEW: std::time::Duration = std::time::Duration::from_secs(super::SKEW.unsigned_abs());

/// A verified token.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    pub(crate) caller: Arc<Caller>,
    /// The id of the token.
    pub(crate) id: Box<str>,
    /// When the token was issued; of a key, when identity was asked.
    pub(crate) made: Timestamp,
    /// Of a key: the [generation](TokenCache::generation) in which identity was asked.
    pub(crate) generation: u64,
    /// When it expires.
    pub(crate) until: Timestamp,
}

/// Keeps valid tokens only, until they expire, a bounded number of them. Revoked tokens, and those of ended
/// sessions and subjects, are rejected even with a valid signature and expiry, for the longest life of a
/// token.
pub(crate) struct TokenCache {
    tokens: Cache<[u8; 32], Verified>,
    ended: Mutex<Ended>,
    longest_life: std::time::Duration,
}

#[derive(Default)]
struct Ended {
    sessions: HashMap<SessionId, Timestamp>,
    /// Tokens of the subject that were issued up to that instant are rejected.
    subjects: HashMap<Subject, Timestamp>,
    /// Single tokens by their id.
    tokens: HashMap<Box<str>, Timestamp>,
    /// What was told of a key in an earlier generation is rejected.
    keys: HashMap<ApiKeyId, (u64, Timestamp)>,
    /// Counts the ends of keys.
    generation: u64,
    /// With so many entries those that count no more are looked for.
    sweep_at: usize,
}

impl TokenCache {
    pub(crate) fn new(capacity: usize, longest_life: std::time::Duration) -> Self {
        Self {
            tokens: Cache::new(capacity),
            ended: Mutex::new(Ended::default()),
            longest_life,
        }
    }

    pub(crate) fn key(token: &str) -> [u8; 32] {
        Sha256::digest(token.as_bytes()).into()
    }

    pub(crate) fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<Arc<Caller>> {
        let verified = self.tokens.get(key)?;
        if verified.until > now {
            return Some(verified.caller);
        }
        self.tokens.remove(key);
        None
    }

    /// Inserts a valid token; returns false where it must be rejected. A session that ends concurrently is
    /// seen by one side or the other: it is recorded before cached tokens are removed, and no token is
    /// inserted between the look at what has ended and its release.
    pub(crate) fn put(&self, key: [u8; 32], verified: &Verified) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let caller = &verified.caller;
        let by_session = caller.session().is_some_and(|s| ended.sessions.contains_key(&s));
        let by_subject = caller
            .subject()
            .and_then(|s| ended.subjects.get(s))
            .is_some_and(|end| verified.made <= *end);
        let by_key = caller
            .key()
            .and_then(|key| ended.keys.get(&key.key))
            .is_some_and(|(end, _)| verified.generation < *end);
        let by_itself = ended.tokens.contains_key(&verified.id);
        let rejected = by_session || by_subject || by_key || by_itself;
        if !rejected {
            self.tokens.insert(key, verified.clone());
        }
        drop(ended);
        !rejected
    }

    pub(crate) fn end_token(&self, id: &str, now: Timestamp) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.sweep(&mut ended, now);
        let known = ended.tokens.insert(id.into(), now).is_some();
        drop(ended);
        if !known {
            self.tokens.retain(|_, v| &*v.id != id);
        }
    }

    pub(crate) fn end_session(&self, session: SessionId, now: Timestamp) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.sweep(&mut ended, now);
        let known = ended.sessions.insert(session, now).is_some();
        drop(ended);
        if known {
            return;
        }
        self.tokens.retain(|_, v| v.caller.session() != Some(session));
    }

    /// By which what is told of a key is known to be older than its end. To be read before identity is asked.
    pub(crate) fn generation(&self) -> u64 {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .generation
    }

    /// Forgets what was told of a key so far.
    pub(crate) fn end_key(&self, key: ApiKeyId, now: Timestamp) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.sweep(&mut ended, now);
        ended.generation += 1;
        let generation = ended.generation;
        ended.keys.insert(key, (generation, now));
        drop(ended);
        let is_other = |verified: &Verified| verified.caller.key().is_none_or(|of| of.key != key);
        self.tokens
            .retain(|_, v| is_other(v) || v.generation >= generation);
    }

    /// Ends all tokens of a subject that were issued so far. A service account has no sessions that end with
    /// it, so that its tokens may also be of an issuer whose clock is ahead.
    pub(crate) fn end_subject(&self, subject: &Subject, now: Timestamp) {
        let last = if subject.service_id().is_some() {
            now.plus(SKEW)
        } else {
            now
        };
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.sweep(&mut ended, now);
        ended.subjects.insert(subject.clone(), last);
        drop(ended);
        self.tokens
            .retain(|_, v| v.caller.subject() != Some(subject) || v.made > last);
    }

    fn sweep(&self, ended: &mut Ended, now: Timestamp) {
        let size = |ended: &Ended| {
            ended.sessions.len() + ended.subjects.len() + ended.tokens.len() + ended.keys.len()
        };
        if size(ended) < ended.sweep_at {
            return;
        }
        // A token may have been issued and expire by the clock of another process.
        let over = |end: &Timestamp| now.since(*end) > self.longest_life + SKEW;
        ended.sessions.retain(|_, end| !over(end));
        ended.subjects.retain(|_, end| !over(end));
        ended.tokens.retain(|_, end| !over(end));
        ended.keys.retain(|_, (_, end)| !over(end));
        ended.sweep_at = 2 * size(ended) + 64;
    }
}
