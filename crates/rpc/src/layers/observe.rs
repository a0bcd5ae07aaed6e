//! Metrics and access log of calls.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use bailiwick_proto::Method;
use prometheus::{Histogram, HistogramVec};
use tonic::Code;
use tracing::Span;

use crate::{AccessLog, RequestId, metrics};

/// The number of gRPC codes.
const CODES: usize = 17;

/// The histograms of one method, one for each code, looked up once.
#[derive(Debug)]
pub(crate) struct MethodMetrics {
    durations: HistogramVec,
    service: &'static str,
    method: &'static str,
    resolved: [OnceLock<Histogram>; CODES],
}

impl MethodMetrics {
    pub(crate) fn new(method: Option<&'static Method>) -> Arc<Self> {
        let path = method.map_or("unknown/unknown", |m| m.path.trim_start_matches('/'));
        let (service, method) = path.rsplit_once('/').unwrap_or((path, ""));
        Arc::new(Self {
            durations: metrics::histograms(
                "rpc_server_duration_milliseconds",
                "Duration of calls, by service, method and gRPC status code.",
                &["rpc_service", "rpc_method", "rpc_grpc_status_code"],
                metrics::MILLISECONDS,
            ),
            service,
            method,
            resolved: Default::default(),
        })
    }

    fn record(&self, code: Code, took: Duration) {
        let number = code as i32;
        let Some(slot) = usize::try_from(number).ok().and_then(|n| self.resolved.get(n)) else {
            return;
        };
        let histogram = slot.get_or_init(|| {
            self.durations
                .with_label_values(&[self.service, self.method, &number.to_string()])
        });
        histogram.observe(took.as_secs_f64() * 1000.0);
    }
}

/// Which calls are logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogRule {
    pub(crate) log: AccessLog,
    pub(crate) slow: Duration,
}

/// A call that is being observed. Dropping it before its end counts the call as cancelled.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) metrics: Arc<MethodMetrics>,
    pub(crate) rule: LogRule,
    pub(crate) request_id: RequestId,
    pub(crate) began: Instant,
    pub(crate) span: Span,
    pub(crate) ended: bool,
}

impl Observation {
    /// The call ended.
    pub(crate) fn end(mut self, code: Code) {
        self.note(code);
    }

    fn note(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let took = self.began.elapsed();
        self.metrics.record(code, took);
        if !self.span.is_none() {
            self.span.record("rpc.grpc.status_code", code as i32);
            if is_server_error(code) {
                self.span.record("otel.status_code", "ERROR");
            }
        }
        let failed = code != Code::Ok;
        let logged = match self.rule.log {
            AccessLog::Off => false,
            AccessLog::Failures => failed || took >= self.rule.slow,
            AccessLog::All => true,
        };
        if logged {
            self.log(code, took);
        }
    }

    fn log(&self, code: Code, took: Duration) {
        let _in = self.span.enter();
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (service, method, id) = (
            self.metrics.service,
            self.metrics.method,
            self.request_id.as_str(),
        );
        if is_server_error(code) {
            tracing::warn!(rpc.service = service, rpc.method = method,
                rpc.grpc.status_code = ?code, duration_ms, request.id = id, "call failed");
        } else {
            tracing::info!(rpc.service = service, rpc.method = method,
                rpc.grpc.status_code = ?code, duration_ms, request.id = id, "call");
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.note(Code::Cancelled);
    }
}

/// Whether a code is a server error.
fn is_server_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
