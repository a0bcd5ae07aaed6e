//! Consistency tokens: which revisions a reader must wait for to see what was written.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_proto::common::v1::{TokenPair, TokenPayload};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use prost::Message;

/// Pairs that are kept, so that the header stays bounded. A pair with this many later ones was applied
/// everywhere long ago.
const PAIRS: usize = 128;

/// The newest consistency token of a group of calls: every response raises it, every request carries it.
///
/// Clones share their contents.
#[derive(Debug, Clone, Default)]
pub struct TokenJar(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    epochs: BTreeMap<String, String>,
    pairs: BTreeMap<(String, String), Pair>,
    raises: u64,
    deaf: bool,
    encoded: Option<Arc<str>>,
}

#[derive(Debug)]
struct Pair {
    revision: u64,
    raised: u64,
}

impl TokenJar {
    /// A jar that stays empty: requests carry no token, and answers may be as old as the staleness bound.
    #[must_use]
    pub fn deaf() -> Self {
        let state = State {
            deaf: true,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }
    /// Merges a token: keeps the maximum of each pair; a new epoch replaces the pairs of its service. Text
    /// that is not a token changes nothing, since servers refuse it.
    pub fn observe(&self, token: &str) {
        if token.is_empty() {
            return;
        }
        let payload = BASE64_URL_SAFE_NO_PAD
            .decode(token.trim_end_matches('='))
            .ok()
            .and_then(|bytes| TokenPayload::decode(bytes.as_slice()).ok());
        match payload {
            Some(payload) => {
                let mut state = self.lock();
                if !state.deaf {
                    state.merge(payload);
                }
            }
            None => tracing::warn!("ignoring an unreadable consistency token in a response"),
        }
    }
    /// The token to send, if there is a revision to wait for.
    #[must_use]
    pub fn token(&self) -> Option<Arc<str>> {
        self.lock().encoded.clone()
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn merge(&mut self, payload: TokenPayload) {
        for (service, epoch) in &payload.epochs {
            if self.epochs.get(service).is_some_and(|known| known != epoch) {
                self.pairs.retain(|(s, _), _| s != service);
            }
            self.epochs.insert(service.clone(), epoch.clone());
        }
        for TokenPair {
            service,
            root,
            revision,
        } in payload.pairs
        {
            self.raises += 1;
            let raised = self.raises;
            self.pairs
                .entry((service, root))
                .and_modify(|pair| {
                    *pair = Pair {
                        revision: pair.revision.max(revision),
                        raised,
                    }
                })
                .or_insert(Pair { revision, raised });
        }
        while self.pairs.len() > PAIRS {
            let oldest = self
                .pairs
                .iter()
                .min_by_key(|(_, pair)| pair.raised)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| self.pairs.remove(&key));
        }
        self.encoded = (!self.pairs.is_empty()).then(|| self.encode());
    }
    fn encode(&self) -> Arc<str> {
        let payload = TokenPayload {
            format: 1,
            epochs: self.epochs.clone().into_iter().collect(),
            pairs: self
                .pairs
                .iter()
                .map(|((service, root), pair)| TokenPair {
                    service: service.clone(),
                    root: root.clone(),
                    revision: pair.revision,
                })
                .collect(),
        };
        BASE64_URL_SAFE_NO_PAD.encode(payload.encode_to_vec()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(service: &str, epoch: &str, pairs: &[(&str, u64)]) -> String {
        let payload = TokenPayload {
            format: 1,
            epochs: [(service.to_owned(), epoch.to_owned())].into_iter().collect(),
            pairs: pairs
                .iter()
                .map(|(root, revision)| TokenPair {
                    service: service.to_owned(),
                    root: (*root).to_owned(),
                    revision: *revision,
                })
                .collect(),
        };
        BASE64_URL_SAFE_NO_PAD.encode(payload.encode_to_vec())
    }

    fn held(jar: &TokenJar) -> Vec<(String, String, u64)> {
        let text = jar.token().expect("a token");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.as_bytes()).expect("base64url");
        let payload = TokenPayload::decode(bytes.as_slice()).expect("a payload");
        payload
            .pairs
            .into_iter()
            .map(|p| (p.service, p.root, p.revision))
            .collect()
    }

    #[test]
    fn a_jar_keeps_the_maximum_of_each_pair_whatever_the_order() {
        let jar = TokenJar::default();
        assert_eq!(jar.token(), None);
        jar.observe(&token("tenancy", "e", &[("account:a", 7), ("account:b", 1)]));
        jar.observe(&token("tenancy", "e", &[("account:a", 3)]));
        jar.observe(&token("identity", "i", &[("user:u", 2)]));
        assert_eq!(
            held(&jar),
            [
                ("identity".to_owned(), "user:u".to_owned(), 2),
                ("tenancy".to_owned(), "account:a".to_owned(), 7),
                ("tenancy".to_owned(), "account:b".to_owned(), 1),
            ]
        );
    }

    #[test]
    fn a_pair_of_another_epoch_replaces_the_older_ones_of_its_service() {
        let jar = TokenJar::default();
        jar.observe(&token("tenancy", "old", &[("account:a", 70)]));
        jar.observe(&token("identity", "i", &[("user:u", 2)]));
        jar.observe(&token("tenancy", "new", &[("account:a", 3)]));
        assert_eq!(
            held(&jar),
            [
                ("identity".to_owned(), "user:u".to_owned(), 2),
                ("tenancy".to_owned(), "account:a".to_owned(), 3),
            ]
        );
    }

    #[test]
    fn a_deaf_jar_takes_nothing() {
        let jar = TokenJar::deaf();
        jar.observe(&token("tenancy", "e", &[("account:a", 7)]));
        assert_eq!(jar.token(), None);
    }

    #[test]
    fn text_that_is_no_token_changes_nothing() {
        let jar = TokenJar::default();
        jar.observe(&token("tenancy", "e", &[("account:a", 7)]));
        jar.observe("%%%");
        jar.observe("");
        assert_eq!(held(&jar).len(), 1);
    }

    #[test]
    fn a_jar_forgets_the_pairs_that_were_raised_longest_ago() {
        let jar = TokenJar::default();
        for n in 0..=PAIRS {
            jar.observe(&token("identity", "e", &[(&format!("user:{n}"), 1)]));
        }
        let roots: Vec<_> = held(&jar).into_iter().map(|(_, root, _)| root).collect();
        assert_eq!(roots.len(), PAIRS);
        assert!(!roots.contains(&"user:0".to_owned()));
    }
}
