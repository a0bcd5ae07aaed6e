//! What the process depends on, and tells of when it fails: peers, databases, caches.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bailiwick_types::Watch;
use tokio::time::Instant;

use crate::metrics::{self, IntCounterVec, IntGauge};

/// A failure of one reason is logged at most once in this time.
const QUIET: Duration = Duration::from_secs(30);
/// After a failure, answers count as a recovery only when nothing failed for this time: a dependency that
/// accepts some calls and refuses others has not recovered.
const CALM: Duration = Duration::from_secs(5);

/// The dependencies of a process, by name.
#[derive(Debug, Default)]
pub struct Dependencies(Mutex<BTreeMap<String, Arc<Dependency>>>);

impl Dependencies {
    fn named(&self, name: &str) -> Arc<Dependency> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dependency) = known.get(name) {
            return Arc::clone(dependency);
        }
        let dependency = Arc::new(Dependency::new(name));
        known.insert(name.to_owned(), Arc::clone(&dependency));
        dependency
    }
}

impl Watch for Dependencies {
    fn failed(&self, dependency: &str, reason: &'static str, error: &dyn Display) {
        self.named(dependency).failed(reason, error);
    }
    fn answered(&self, dependency: &str) {
        self.named(dependency).answered();
    }
}

/// Logs and counts how a dependency does. A failure is a warning with its reason, at most one in 30 seconds
/// for each reason; all of them are counted.
pub struct Dependency {
    name: String,
    failing: AtomicBool,
    state: Mutex<State>,
    failures: IntCounterVec,
    up: IntGauge,
}

#[derive(Default)]
struct State {
    /// When each reason was logged last, and how many failures of it were not logged since.
    logged: BTreeMap<&'static str, (Instant, u64)>,
    failed_at: Option<Instant>,
}

bailiwick_types::debug_fields!(Dependency { name });

impl Dependency {
    /// A dependency that has not failed yet. The name is a label of the metrics.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let failures = metrics::counters(
            "bailiwick_dependency_failures_total",
            "Failed calls of what the process depends on, by dependency and reason.",
            &["dependency", "reason"],
        );
        let up = metrics::gauges(
            "bailiwick_dependency_up",
            "Whether the last calls of what the process depends on were answered (1) or failed (0).",
            &["dependency"],
        );
        let up = up.with_label_values(&[&name]);
        up.set(1);
        Self {
            name,
            failing: AtomicBool::new(false),
            state: Mutex::default(),
            failures,
            up,
        }
    }

    /// Notes a failure. Returns whether it was logged.
    pub fn failed(&self, reason: &'static str, error: &dyn Display) -> bool {
        self.failed_at(Instant::now(), reason, error)
    }

    /// Notes an answer.
    pub fn answered(&self) {
        if self.failing.load(Ordering::Relaxed) {
            self.answered_at(Instant::now());
        }
    }

    fn failed_at(&self, now: Instant, reason: &'static str, error: &dyn Display) -> bool {
        self.failures.with_label_values(&[&self.name, reason]).inc();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, as in `answered_at`: a failure is never taken back by an answer before it.
        self.up.set(0);
        self.failing.store(true, Ordering::Relaxed);
        state.failed_at = Some(now);
        let unlogged = match state.logged.get_mut(reason) {
            Some((at, unlogged)) if now.duration_since(*at) < QUIET => {
                *unlogged += 1;
                return false;
            }
            known => known.map_or(0, |(_, unlogged)| *unlogged),
        };
        state.logged.insert(reason, (now, 0));
        drop(state);
        tracing::warn!(
            dependency = self.name,
            reason,
            %error,
            failures = unlogged + 1,
            "a dependency fails; retrying"
        );
        true
    }

    fn answered_at(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed_at.is_some_and(|at| now.duration_since(at) < CALM) {
            return;
        }
        state.failed_at = None;
        self.failing.store(false, Ordering::Relaxed);
        self.up.set(1);
        drop(state);
        tracing::info!(dependency = self.name, "a dependency answers again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(dependency: &Dependency, reason: &str) -> u64 {
        let labels = [&*dependency.name, reason];
        dependency.failures.with_label_values(&labels).get()
    }

    #[test]
    fn each_reason_is_logged_once_in_a_while_and_every_failure_is_counted() {
        let dependency = Dependency::new("cache of this test");
        let now = Instant::now();
        assert!(dependency.failed_at(now, "timeout", &"late"));
        assert!(!dependency.failed_at(now, "timeout", &"late"));
        assert!(dependency.failed_at(now, "password", &"wrong"));
        assert!(dependency.failed_at(now + QUIET, "timeout", &"late"));
        assert_eq!(counted(&dependency, "timeout"), 3);
        assert_eq!(counted(&dependency, "password"), 1);
        assert_eq!(dependency.up.get(), 0);
    }

    #[test]
    fn a_dependency_recovers_when_nothing_failed_for_a_while() {
        let dependency = Dependency::new("peer of this test");
        let now = Instant::now();
        dependency.answered();
        assert_eq!(dependency.up.get(), 1);
        dependency.failed_at(now, "refused", &"no");
        dependency.answered_at(now);
        assert_eq!(dependency.up.get(), 0);
        dependency.answered_at(now + CALM);
        assert_eq!(dependency.up.get(), 1);
    }
}
