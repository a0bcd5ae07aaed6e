//! A wall clock that only scenarios move.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use bailiwick_types::{Clock, SystemClock, Timestamp};

/// The wall clock of a scenario. The time since boot, which measures freshness, goes on.
#[derive(Debug)]
pub(crate) struct MovableClock(AtomicI64);

impl MovableClock {
    /// Starts at an instant.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }
    /// Sets the instant.
    pub(crate) fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::SeqCst);
    }
    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
    fn boottime(&self) -> Duration {
        SystemClock.boottime()
    }
}
