//! How far behind a follower is: for metrics and status.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bailiwick_types::Timestamp;

/// The standing of a follower in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// The highest position that the source has named.
    pub head: u64,
    /// The position up to which this process knows everything to be applied.
    pub position: u64,
    /// When the oldest event was written that is known of and not applied; none where it has caught up.
    pub waiting_since: Option<Timestamp>,
    /// Boot time of the last answer from the source.
    pub last_contact: Option<Duration>,
    /// Whether it reads a snapshot.
    pub snapshot: bool,
    /// Events that this process has applied.
    pub applied: u64,
    /// Events that this process has refused.
    pub refused: u64,
    /// Errors since the last success.
    pub errors: u64,
}

impl Lag {
    /// How many positions it is behind.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.head.saturating_sub(self.position)
    }
}

#[derive(Debug, Default)]
pub(super) struct Gauge(Mutex<Lag>);

impl Gauge {
    pub(super) fn get(&self) -> Lag {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn set(&self, change: impl FnOnce(&mut Lag)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
