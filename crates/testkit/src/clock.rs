//! A clock that tests set.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use bailiwick_types::{Clock, Timestamp};

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock {
    wall: AtomicI64,
    boot: AtomicU64,
}

impl ManualClock {
    /// Starts at an instant.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self {
            wall: AtomicI64::new(at.0),
            boot: AtomicU64::new(1_000_000_000),
        }
    }
    /// Sets the wall clock, forwards or back; the boot clock stays.
    pub fn set(&self, at: Timestamp) {
        self.wall.store(at.0, Ordering::SeqCst);
    }
    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.boot.fetch_add(micros, Ordering::SeqCst);
        self.wall
            .fetch_add(i64::try_from(micros).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Starts on 2026-01-05T09:00:00Z, a Monday.
    fn default() -> Self {
        Self::new(Timestamp::from_seconds(1_767_603_600))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::SeqCst))
    }
    fn boottime(&self) -> Duration {
        Duration::from_micros(self.boot.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_clock_does_not_go_back_with_the_wall_clock() {
        let clock = ManualClock::default();
        assert_eq!(clock.now().to_string(), "2026-01-05T09:00:00Z");
        let (wall, boot) = (clock.now(), clock.boottime());
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now().since(wall), Duration::from_secs(5));
        clock.set(wall);
        assert_eq!(clock.boottime(), boot + Duration::from_secs(5));
    }
}
