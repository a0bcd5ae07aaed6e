//! A wall clock that stands still until it is moved, for scenarios.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use bailiwick_types::{Clock, SystemClock, Timestamp};

/// The instant of a scenario. What measures freshness, the time since boot, goes on as it does everywhere.
#[derive(Debug)]
pub(crate) struct MovableClock(AtomicI64);

impl MovableClock {
    /// Stands at an instant.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }
    /// Goes to an instant.
    pub(crate) fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::SeqCst);
    }
    /// Goes forward.
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
