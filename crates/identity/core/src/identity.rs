//! What the use cases share.

use std::{sync::Arc, time::Duration};

use bailiwick_types::{Clock, IdGen, Rng, Timestamp};

use crate::{
    password::Passwords,
    port::{Closer, Failures, Members, Store},
    session::Lifetimes,
    signing::{Issuer, Keys},
};

/// The service's ports and policy. Use cases take it by reference.
#[derive(Clone)]
pub struct Identity {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Who is a member of what.
    pub members: Arc<dyn Members>,
    /// Takes access away.
    pub closer: Arc<dyn Closer>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// The signing keys.
    pub keys: Keys,
    /// Issues access tokens.
    pub issuer: Issuer,
    /// How long things last.
    pub lifetimes: Lifetimes,
    /// When sign-ins are refused for a while.
    pub throttle: Throttle,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGen>,
    /// New secrets.
    pub rng: Arc<dyn Rng>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("issuer", &self.issuer)
            .field("lifetimes", &self.lifetimes)
            .field("throttle", &self.throttle)
            .finish_non_exhaustive()
    }
}

/// How many wrong passwords an address may take in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// How many.
    pub limit: u32,
    /// How long the window is.
    pub window: Duration,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            limit: 10,
            window: Duration::from_secs(15 * 60),
        }
    }
}

impl Throttle {
    /// How long to wait, where the limit is reached.
    #[must_use]
    pub fn wait(&self, failures: Option<Failures>, now: Timestamp) -> Option<Duration> {
        let failures = failures?;
        let end = failures.since.plus(self.window);
        (failures.count >= self.limit && now < end).then(|| end.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_until_the_window_ends() {
        let throttle = Throttle {
            limit: 2,
            window: Duration::from_secs(60),
        };
        let of = |count| {
            Some(Failures {
                count,
                since: Timestamp::from_seconds(100),
            })
        };
        assert_eq!(throttle.wait(None, Timestamp::from_seconds(100)), None);
        assert_eq!(throttle.wait(of(1), Timestamp::from_seconds(100)), None);
        let wait = throttle.wait(of(2), Timestamp::from_seconds(130));
        assert_eq!(wait, Some(Duration::from_secs(30)));
        assert_eq!(throttle.wait(of(9), Timestamp::from_seconds(160)), None);
    }
}
