//! What a service says about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Human,
}

/// What a service says about itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Which log lines are written, as in `info,bailiwick_sql=debug`.
    pub log_filter: String,
    /// How they look.
    pub log_format: LogFormat,
    /// Address of an OpenTelemetry collector (OTLP over gRPC) for traces and metrics: `http://HOST:4317`.
    /// None where absent.
    pub otlp_endpoint: Option<String>,
    /// The part of calls that are traced where the caller has not decided: 0 to 1.
    pub trace_ratio: f64,
    /// How often metrics go to the collector.
    pub metrics_interval: super::HumanDuration,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log_filter: "info".to_owned(),
            log_format: LogFormat::default(),
            otlp_endpoint: None,
            trace_ratio: 0.01,
            metrics_interval: std::time::Duration::from_secs(30).into(),
        }
    }
}
