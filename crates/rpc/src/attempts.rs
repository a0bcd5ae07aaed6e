//! Attempts that were refused, for the audit log. They are collected in memory and alike ones are counted, so
//! that a caller that is refused a million times fills neither memory nor a database.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_types::{AccountId, Method, Subject, Target};

use crate::{Call, origin};

/// Different attempts that wait at most; more are only counted.
const MOST: usize = 500;
/// Entries of one actor or network that are taken at once.
const OF_ONE: usize = 3;

/// An attempt that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who tried; nothing for an unknown caller.
    pub actor: Option<Subject>,
    /// The account in whose log it belongs: that of the caller's token, which the caller did not choose.
    pub account: Option<AccountId>,
    /// The method.
    pub action: &'static str,
    /// What it was tried on: a scope, or `TYPE:ID`.
    pub target: String,
    /// Whether credentials were wrong; else a right was missing.
    pub failed: bool,
    /// Address of the client.
    pub client: Option<IpAddr>,
    /// How the client names itself.
    pub user_agent: String,
    /// The id of the request.
    pub request_id: String,
}

/// Attempts that are alike.
type Key = (String, Option<AccountId>, &'static str, bool, Option<IpAddr>);

impl Attempt {
    fn key(&self) -> Key {
        let actor = self.actor.as_ref().map(ToString::to_string).unwrap_or_default();
        // Of unknown callers the target tells what is attacked; what a known one tries is counted together.
        let who = if actor.is_empty() { &self.target } else { &actor };
        (who.clone(), self.account, self.action, self.failed, self.client)
    }
}

#[derive(Debug, Default)]
struct Waiting {
    attempts: BTreeMap<Key, (Attempt, u32)>,
    left_out: u64,
}

/// Attempts that wait to be recorded.
#[derive(Debug, Clone, Default)]
pub struct Attempts(Arc<Mutex<Waiting>>);

/// Attempts to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Each with how often it was made.
    pub attempts: Vec<(Attempt, u32)>,
    /// How many further attempts there were.
    pub left_out: u64,
}

impl Attempts {
    /// Notes an attempt.
    pub fn note(&self, attempt: Attempt) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = attempt.key();
        if let Some((_, count)) = waiting.attempts.get_mut(&key) {
            *count = count.saturating_add(1);
        } else if waiting.attempts.len() < MOST {
            waiting.attempts.insert(key, (attempt, 1));
        } else {
            waiting.left_out = waiting.left_out.saturating_add(1);
        }
    }
    /// Notes that credentials were wrong in the call that this task works on.
    pub fn failed(
        &self,
        actor: Option<Subject>,
        account: Option<AccountId>,
        action: &'static str,
        target: String,
    ) {
        let origin = origin().unwrap_or_default();
        self.note(Attempt {
            actor,
            account,
            action,
            target,
            failed: true,
            client: origin.client,
            user_agent: origin.user_agent,
            request_id: origin.request_id,
        });
    }
    /// Notes that the caller of a call had no right.
    pub(crate) fn denied<M: Method, R>(&self, call: &Call<M, R>, target: &Target) {
        let context = &call.context;
        self.note(Attempt {
            actor: context.caller.subject().cloned(),
            account: context.caller.account(),
            action: M::DECLARATION.name(),
            target: target.describe(),
            failed: false,
            client: context.client,
            user_agent: origin().map(|origin| origin.user_agent).unwrap_or_default(),
            request_id: context.request_id.as_str().to_owned(),
        });
    }
    /// Takes what waits: at most `limit` entries, of one actor or network at most three, so that one does not
    /// hide the others. All others are only counted.
    #[must_use]
    pub fn take(&self, limit: usize) -> Taken {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut taken = Taken {
            attempts: Vec::new(),
            left_out: waiting.left_out,
        };
        let mut of_one: BTreeMap<String, usize> = BTreeMap::new();
        for (attempt, count) in waiting.attempts.into_values() {
            let one = match (&attempt.actor, attempt.client) {
                (Some(actor), _) => actor.to_string(),
                (None, client) => client.map(|client| client.to_string()).unwrap_or_default(),
            };
            let seen = of_one.entry(one).or_default();
            if taken.attempts.len() < limit && *seen < OF_ONE {
                *seen += 1;
                taken.attempts.push((attempt, count));
            } else {
                taken.left_out = taken.left_out.saturating_add(count.into());
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(actor: &str, action: &'static str, client: u8) -> Attempt {
        Attempt {
            actor: actor.parse().ok(),
            account: None,
            action,
            target: "account:a".to_owned(),
            failed: false,
            client: Some([192, 0, 2, client].into()),
            user_agent: String::new(),
            request_id: "r".to_owned(),
        }
    }

    #[test]
    fn attempts_that_are_alike_are_one_with_their_number() {
        let attempts = Attempts::default();
        for _ in 0..1_000_000 {
            attempts.note(attempt("user:a", "x", 1));
        }
        attempts.note(attempt("user:b", "x", 1));
        let taken = attempts.take(10);
        let counts: Vec<u32> = taken.attempts.iter().map(|(_, count)| *count).collect();
        assert_eq!((counts, taken.left_out), (vec![1_000_000, 1], 0));
        assert_eq!(attempts.take(10), Taken::default());
    }

    #[test]
    fn one_who_tries_many_things_does_not_hide_the_others_and_all_are_counted() {
        let attempts = Attempts::default();
        for action in ["a", "b", "c", "d", "e", "f"] {
            attempts.note(attempt("user:a", action, 1));
            attempts.note(attempt("user:a", action, 1));
        }
        attempts.note(attempt("user:z", "a", 1));
        let taken = attempts.take(10);
        assert_eq!((taken.attempts.len(), taken.left_out), (4, 6));
        let last = taken.attempts.last().unwrap();
        assert_eq!(last.0.actor, "user:z".parse().ok());
    }

    #[test]
    fn what_waits_is_bounded() {
        let attempts = Attempts::default();
        for n in 0..2_000 {
            attempts.note(attempt(&format!("user:{n}"), "x", 1));
        }
        let taken = attempts.take(20);
        assert_eq!((taken.attempts.len(), taken.left_out), (20, 1_980));
    }
}
