//! Metrics of the process: counted with atomics, written as text for Prometheus and sent to a collector by
//! OTLP.
//!
//! Labels never carry ids, e-mails or tokens. Asking twice for a metric of one name gives the same metric, so
//! several services in one process count together.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
};

pub use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use prometheus::{HistogramOpts, Opts, Registry, TextEncoder, core::Collector};

/// Bounds of durations in milliseconds, from a tenth of one to ten seconds.
pub const MILLISECONDS: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0,
];

#[derive(Default)]
struct Metrics {
    registry: Registry,
    /// By name; each of the type that it was asked for as.
    known: Mutex<BTreeMap<String, Box<dyn Any + Send>>>,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::default);

/// Registers a metric, or finds it. A metric that cannot be registered counts without being exported.
#[expect(
    clippy::expect_used,
    reason = "names are literals; a wrong one fails the first test"
)]
fn metric<C: Collector + Clone + 'static>(name: &str, make: impl FnOnce() -> prometheus::Result<C>) -> C {
    let register = || {
        let mut known = METRICS.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(name) {
            return found.downcast_ref::<C>().cloned();
        }
        let made = make().ok()?;
        METRICS.registry.register(Box::new(made.clone())).ok()?;
        known.insert(name.to_owned(), Box::new(made.clone()));
        Some(made)
    };
    register().expect("a metric of that kind, name and labels")
}

/// A counter with labels.
///
/// # Panics
/// The name is invalid, or that of a metric of another kind.
#[must_use]
pub fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    metric(name, || IntCounterVec::new(Opts::new(name, help), labels))
}

/// A gauge with labels.
///
/// # Panics
/// The name is invalid, or that of a metric of another kind.
#[must_use]
pub fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    metric(name, || IntGaugeVec::new(Opts::new(name, help), labels))
}

/// A histogram with labels and these upper bounds.
///
/// # Panics
/// The name is invalid, or that of a metric of another kind.
#[must_use]
pub fn histograms(name: &str, help: &str, labels: &[&str], bounds: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
    metric(name, || HistogramVec::new(options, labels))
}

/// A counter.
///
/// # Panics
/// As [`counters`].
#[must_use]
pub fn counter(name: &str, help: &str) -> IntCounter {
    counters(name, help, &[]).with_label_values::<&str>(&[])
}

/// A gauge.
///
/// # Panics
/// As [`gauges`].
#[must_use]
pub fn gauge(name: &str, help: &str) -> IntGauge {
    gauges(name, help, &[]).with_label_values::<&str>(&[])
}

/// A histogram with these upper bounds.
///
/// # Panics
/// As [`histograms`].
#[must_use]
pub fn histogram(name: &str, help: &str, bounds: &[f64]) -> Histogram {
    histograms(name, help, &[], bounds).with_label_values::<&str>(&[])
}

/// All metrics in the text format of Prometheus.
#[must_use]
pub fn text() -> String {
    let mut out = String::new();
    let families = METRICS.registry.gather();
    if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut out) {
        tracing::warn!(%error, "cannot encode metrics");
    }
    out
}

/// All metrics as they are now.
pub(crate) fn gather() -> Vec<prometheus::proto::MetricFamily> {
    METRICS.registry.gather()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_twice_for_a_metric_counts_together() {
        counter("things_total", "Things.").inc();
        counter("things_total", "Things.").inc();
        assert!(text().contains("things_total 2"), "{}", text());
    }
}
