//! Consistency tokens: what a reader must wait for to see what was written.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of tokens that are sent with a request; servers limit the headers of a request.
const BYTES: usize = 16 * 1024;
/// Sent in place of the tokens that had to be dropped: the server answers from the primary.
const FULLY_CONSISTENT: &str = "fully_consistent";

/// The consistency tokens of a group of calls: every request carries them, every response replaces those that
/// its request carried.
///
/// Tokens are opaque. The token of a response names what came with the request and what was written, so a
/// sequence of calls holds one token; calls that run side by side add one each, and the next response has
/// them all in one. Clones share their contents.
#[derive(Debug, Clone, Default)]
pub struct TokenJar(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The newest last.
    tokens: Vec<Arc<str>>,
    deaf: bool,
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
    /// Adds a token that did not come with a response to this client.
    pub fn observe(&self, token: &str) {
        self.answered(&[], token);
    }
    /// Takes the token of a response in place of those that its request carried.
    pub(crate) fn answered(&self, sent: &[Arc<str>], token: &str) {
        let mut state = self.lock();
        if token.is_empty() || state.deaf {
            return;
        }
        let replaced = |known: &Arc<str>| **known == *token || sent.contains(known);
        state.tokens.retain(|known| !replaced(known));
        state.tokens.push(token.into());
        state.limit();
    }
    /// The tokens to send, each in a header of its own.
    #[must_use]
    pub fn tokens(&self) -> Vec<Arc<str>> {
        self.lock().tokens.clone()
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops the oldest tokens where there are too many to be sent, which the server is told.
    fn limit(&mut self) {
        let mut left = BYTES;
        let fits = |token: &&Arc<str>| {
            left = left.saturating_sub(token.len());
            left > 0
        };
        let fit = self.tokens.iter().rev().take_while(fits).count().max(1);
        let dropped = self.tokens.len() - fit;
        if dropped > 0 {
            self.tokens.drain(..dropped);
            self.tokens.retain(|token| **token != *FULLY_CONSISTENT);
            self.tokens.insert(0, FULLY_CONSISTENT.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(jar: &TokenJar) -> Vec<String> {
        jar.tokens().iter().map(|token| (**token).to_owned()).collect()
    }

    #[test]
    fn the_token_of_a_response_replaces_those_that_its_request_carried() {
        let jar = TokenJar::default();
        assert!(held(&jar).is_empty());
        jar.answered(&[], "a");
        let sent = jar.tokens();
        // Another call that ran meanwhile carried the same token.
        jar.answered(&sent, "ab");
        jar.answered(&sent, "ac");
        assert_eq!(held(&jar), ["ab", "ac"]);
        jar.answered(&jar.tokens(), "abc");
        assert_eq!(held(&jar), ["abc"]);
    }

    #[test]
    fn a_response_without_token_and_the_same_token_again_change_nothing() {
        let jar = TokenJar::default();
        jar.observe("a");
        jar.answered(&jar.tokens(), "");
        jar.observe("a");
        assert_eq!(held(&jar), ["a"]);
    }

    #[test]
    fn a_deaf_jar_takes_nothing() {
        let jar = TokenJar::deaf();
        jar.observe("a");
        assert!(held(&jar).is_empty());
    }

    #[test]
    fn a_jar_that_drops_tokens_asks_for_full_consistency_in_their_place() {
        let jar = TokenJar::default();
        let token = |n: usize| format!("{n:0>200}");
        let most = BYTES / 200;
        (0..most).for_each(|n| jar.observe(&token(n)));
        assert_eq!(held(&jar).len(), most);
        jar.observe(&token(most));
        jar.observe(&token(most + 1));
        let all = held(&jar);
        assert_eq!(all[0], FULLY_CONSISTENT);
        assert_eq!(all.iter().filter(|token| *token == FULLY_CONSISTENT).count(), 1);
        assert!(!all.contains(&token(0)) && all.contains(&token(most + 1)));
        jar.answered(&jar.tokens(), "all");
        assert_eq!(held(&jar), ["all"]);
    }
}
