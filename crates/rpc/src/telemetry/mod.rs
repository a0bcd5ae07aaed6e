//! Log lines, traces and metrics.

mod export;
mod format;
mod init;
pub mod otlp;
pub(crate) mod trace;

pub use init::{Telemetry, TelemetryError, init};
