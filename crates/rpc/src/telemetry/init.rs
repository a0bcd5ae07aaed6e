//! Starts logs, traces and metrics.

use std::sync::Arc;

use bailiwick_types::IdGen;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler as SdkSampler, SdkTracerProvider},
};
use tracing_subscriber::{
    EnvFilter, Layer, filter::dynamic_filter_fn, layer::SubscriberExt, registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::{
    export::MetricsExport,
    format::{Human, Json},
    trace::Sampler,
};
use crate::{LogFormat, TelemetryConfig};

/// Why telemetry did not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter is invalid.
    #[error("log filter `{filter}`: {why}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong.
        why: String,
    },
    /// The collector's address is invalid.
    #[error("collector `{endpoint}`: {why}")]
    Collector {
        /// The address.
        endpoint: String,
        /// What is wrong.
        why: String,
    },
    /// The process has a log already.
    #[error("logging is already initialized")]
    Started,
}

/// The logs, traces and metrics of a process, as long as this is held.
#[derive(Debug, Clone)]
pub struct Telemetry {
    pub(crate) sampler: Arc<Sampler>,
    provider: Option<SdkTracerProvider>,
    metrics: Option<Arc<MetricsExport>>,
}

impl Telemetry {
    /// Without traces and export: for tests and commands.
    #[must_use]
    pub fn quiet() -> Self {
        Self {
            sampler: Arc::new(Sampler::new(0.0, 0)),
            provider: None,
            metrics: None,
        }
    }

    /// Sends the traces and metrics that are left and stops. It waits until the collector has answered or
    /// timed out.
    pub async fn shutdown(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.stop().await;
        }
        if let Some(provider) = self.provider.clone() {
            // It blocks its thread.
            match tokio::task::spawn_blocking(move || provider.shutdown()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "cannot send the last traces"),
                Err(error) => tracing::warn!(%error, "cannot send the last traces"),
            }
        }
    }
}

/// Starts log lines on standard error and, where a collector is configured, traces and metrics. Once a
/// process; inside of a runtime.
///
/// # Errors
/// The filter or the collector's address is invalid, or logging is already initialized.
pub fn init(config: &TelemetryConfig, service: &str, ids: &dyn IdGen) -> Result<Telemetry, TelemetryError> {
    let filter = EnvFilter::try_new(&config.log_filter).map_err(|error| TelemetryError::Filter {
        filter: config.log_filter.clone(),
        why: error.to_string(),
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let lines = match config.log_format {
        LogFormat::Json => lines
            .fmt_fields(Json)
            .event_format(Json)
            .with_filter(filter)
            .boxed(),
        LogFormat::Human => lines.event_format(Human).with_filter(filter).boxed(),
    };
    if let Some(endpoint) = &config.otlp_endpoint
        && !endpoint.starts_with("http://")
    {
        return Err(TelemetryError::Collector {
            endpoint: endpoint.clone(),
            why: "must be `http://HOST:PORT`: TLS is left to a local collector".to_owned(),
        });
    }
    let resource = Resource::builder().with_service_name(service.to_owned()).build();
    let provider = config
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| traces(endpoint, resource))
        .transpose()?;
    let spans = provider.as_ref().map(spans);
    tracing_subscriber::registry()
        .with(lines)
        .with(spans)
        .try_init()
        .map_err(|_| TelemetryError::Started)?;
    let metrics = config
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| MetricsExport::start(endpoint, service, config.metrics_interval.get()))
        .transpose()?;
    let (a, b) = ids.uuid().as_u64_pair();
    let ratio = if provider.is_some() {
        config.trace_ratio
    } else {
        0.0
    };
    Ok(Telemetry {
        sampler: Arc::new(Sampler::new(ratio, a ^ b)),
        provider,
        metrics: metrics.map(Arc::new),
    })
}

fn traces(endpoint: &str, resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| TelemetryError::Collector {
            endpoint: endpoint.to_owned(),
            why: error.to_string(),
        })?;
    // Whether a call is traced was decided before its span was built.
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(SdkSampler::AlwaysOn)
        .with_resource(resource)
        .build())
}

/// Exports the spans of calls and those inside of them: a call that is not traced has none, so the spans that
/// its handler opens cost nothing.
fn spans<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("bailiwick"))
        .with_location(false)
        .with_threads(false)
        .with_filter(dynamic_filter_fn(|metadata, context| {
            metadata.is_span()
                && (metadata.target() == "bailiwick_rpc::call" || context.lookup_current().is_some())
        }))
}
