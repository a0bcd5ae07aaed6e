//! Exports metrics by OTLP: those of `/metrics`, converted, so that no call is counted twice.

use std::time::Duration;

use bailiwick_types::{Clock, SystemClock};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::{ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient},
    common::v1::{InstrumentationScope, KeyValue, any_value::Value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
    },
    resource::v1::Resource,
};
use prometheus::proto::{LabelPair, MetricFamily, MetricType};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::Channel;

use super::{
    TelemetryError,
    otlp::{self, attribute, text},
};
use crate::metrics;

/// Sends the metrics of the process to a collector at an interval.
#[derive(Debug)]
pub(crate) struct MetricsExport {
    stop: CancellationToken,
    task: TaskTracker,
}

impl MetricsExport {
    pub(super) fn start(endpoint: &str, service: &str, every: Duration) -> Result<Self, TelemetryError> {
        let channel = otlp::channel(endpoint).map_err(|error| TelemetryError::Collector {
            endpoint: endpoint.to_owned(),
            why: error.to_string(),
        })?;
        let stop = CancellationToken::new();
        let every = every.max(Duration::from_millis(100));
        let task = TaskTracker::new();
        task.spawn(export(channel, service.to_owned(), every, stop.clone()));
        task.close();
        Ok(Self { stop, task })
    }
    /// Sends the metrics a last time and ends.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.task.wait().await;
    }
}

/// Sends at an interval until it is stopped, and once more then.
async fn export(channel: Channel, service: String, every: Duration, stop: CancellationToken) {
    let mut client = MetricsServiceClient::new(channel);
    let began = nanoseconds();
    let mut last = false;
    while !last {
        last = tokio::select! {
            () = tokio::time::sleep(every) => false,
            () = stop.cancelled() => true,
        };
        let request = request(&service, metrics::gather(), began, nanoseconds());
        if let Err(error) = client.export(request).await {
            tracing::warn!(error = error.message(), "cannot send metrics");
        }
    }
}

fn nanoseconds() -> u64 {
    u64::try_from(SystemClock.now().0)
        .unwrap_or(0)
        .saturating_mul(1000)
}

fn request(service: &str, families: Vec<MetricFamily>, began: u64, now: u64) -> ExportMetricsServiceRequest {
    let scope = InstrumentationScope {
        name: "bailiwick".to_owned(),
        ..InstrumentationScope::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: vec![text("service.name", service)],
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: families
                    .iter()
                    .map(|family| translate(family, began, now))
                    .collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

fn translate(family: &MetricFamily, began: u64, now: u64) -> Metric {
    let temporality = AggregationTemporality::Cumulative as i32;
    let number = |labels: &[LabelPair], value: f64| NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: began,
        time_unix_nano: now,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    };
    let members = family.get_metric();
    let data = match family.get_field_type() {
        MetricType::COUNTER => metric::Data::Sum(Sum {
            data_points: members
                .iter()
                .map(|m| number(m.get_label(), m.get_counter().get_value()))
                .collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        }),
        MetricType::HISTOGRAM => metric::Data::Histogram(Histogram {
            data_points: members.iter().map(|m| histogram(m, began, now)).collect(),
            aggregation_temporality: temporality,
        }),
        // The process has no summaries and no untyped metrics.
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => metric::Data::Gauge(Gauge {
            data_points: members
                .iter()
                .map(|m| number(m.get_label(), m.get_gauge().get_value()))
                .collect(),
        }),
    };
    let (name, unit) = name(family.name());
    Metric {
        name,
        description: family.help().to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn histogram(metric: &prometheus::proto::Metric, began: u64, now: u64) -> HistogramDataPoint {
    let histogram = metric.get_histogram();
    let mut below = 0;
    let mut counts = Vec::new();
    let mut bounds = Vec::new();
    for bucket in histogram.get_bucket() {
        if bucket.upper_bound().is_finite() {
            bounds.push(bucket.upper_bound());
            counts.push(bucket.cumulative_count().saturating_sub(below));
            below = bucket.cumulative_count();
        }
    }
    counts.push(histogram.get_sample_count().saturating_sub(below));
    HistogramDataPoint {
        attributes: attributes(metric.get_label()),
        start_time_unix_nano: began,
        time_unix_nano: now,
        count: histogram.get_sample_count(),
        sum: Some(histogram.get_sample_sum()),
        bucket_counts: counts,
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    }
}

/// The name by the conventions of OpenTelemetry and the unit that Prometheus writes into the name.
fn name(name: &str) -> (String, &'static str) {
    for (ending, unit) in [
        ("_milliseconds", "ms"),
        ("_seconds", "s"),
        ("_bytes", "By"),
        ("_total", "1"),
    ] {
        if let Some(stem) = name.strip_suffix(ending) {
            let dotted = if stem.starts_with("rpc_server_") {
                stem.replace('_', ".")
            } else {
                stem.to_owned()
            };
            return (dotted, unit);
        }
    }
    (name.to_owned(), "1")
}

fn attributes(labels: &[LabelPair]) -> Vec<KeyValue> {
    let named = |label: &LabelPair| match label.name() {
        "rpc_service" => text("rpc.service", label.value()),
        "rpc_method" => text("rpc.method", label.value()),
        "rpc_grpc_status_code" => attribute(
            "rpc.grpc.status_code",
            Value::IntValue(label.value().parse().unwrap_or_default()),
        ),
        name => text(name, label.value()),
    };
    labels.iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_goes_out_under_the_names_of_the_conventions_with_counts_a_bucket() {
        let durations = prometheus::HistogramVec::new(
            prometheus::HistogramOpts::new("rpc_server_duration_milliseconds", "Durations.")
                .buckets(vec![1.0, 10.0]),
            &["rpc_service", "rpc_method", "rpc_grpc_status_code"],
        )
        .unwrap();
        let one = durations.with_label_values(&["a.B", "C", "5"]);
        for value in [0.5, 0.7, 5.0, 50.0] {
            one.observe(value);
        }
        let families = prometheus::core::Collector::collect(&durations);
        let metric = translate(&families[0], 1, 2);
        assert_eq!(
            (metric.name.as_str(), metric.unit.as_str()),
            ("rpc.server.duration", "ms")
        );
        let Some(metric::Data::Histogram(histogram)) = metric.data else {
            panic!("no histogram")
        };
        let point = &histogram.data_points[0];
        assert_eq!(point.bucket_counts, [2, 1, 1]);
        assert_eq!(point.explicit_bounds, [1.0, 10.0]);
        assert_eq!((point.count, point.sum), (4, Some(56.2)));
        let keys: Vec<_> = point.attributes.iter().map(|a| a.key.as_str()).collect();
        assert_eq!(keys, ["rpc.grpc.status_code", "rpc.method", "rpc.service"]);
    }
}
