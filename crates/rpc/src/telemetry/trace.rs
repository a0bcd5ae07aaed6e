//! Trace context (<https://www.w3.org/TR/trace-context/>): extraction, sampling and injection.

use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_proto::Method;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{RequestId, current::Current};

/// The headers of the trace context.
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The span of the caller, where the headers name one.
pub(crate) fn incoming(headers: &HeaderMap) -> Option<SpanContext> {
    let parent = headers.get(TRACEPARENT)?.to_str().ok()?;
    let states = headers.get_all(TRACESTATE).iter();
    let states: Vec<&str> = states.filter_map(|state| state.to_str().ok()).collect();
    let incoming = Incoming {
        parent,
        state: states.join(","),
    };
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &incoming);
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

/// The headers as the propagator reads them: a `tracestate` of several lines is one list.
struct Incoming<'h> {
    parent: &'h str,
    state: String,
}

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => Some(self.parent),
            TRACESTATE => Some(&self.state),
            _ => None,
        }
    }
    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

struct Outgoing<'h>(&'h mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        // A trace without state has an empty one.
        if !value.is_empty()
            && let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value))
        {
            self.0.insert(name, value);
        }
    }
}

/// Decides which calls are traced, before a span is built.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// The number of sampled calls in 2^32.
    threshold: u64,
    seed: u64,
    count: AtomicU64,
}

impl Sampler {
    pub(crate) fn new(ratio: f64, seed: u64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 2^32"
        )]
        let threshold = (ratio.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
        Self {
            threshold,
            seed,
            count: AtomicU64::new(0),
        }
    }

    /// The caller's decision if it has made one, else that of the ratio.
    pub(crate) fn sample(&self, parent: Option<&SpanContext>) -> bool {
        if self.threshold == 0 {
            return false;
        }
        if let Some(parent) = parent {
            return parent.is_sampled();
        }
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        mix(self.seed.wrapping_add(n)) >> 32 < self.threshold
    }
}

/// Spreads a counter over all numbers (the finalizer of SplitMix64).
pub(crate) fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The span of a call that is traced.
pub(crate) fn span(method: Option<&Method>, parent: Option<&SpanContext>, request: &RequestId) -> Span {
    let path = method.map_or("unknown/unknown", |m| m.path.trim_start_matches('/'));
    let (service, name) = path.rsplit_once('/').unwrap_or((path, ""));
    let span = tracing::info_span!(
        target: "bailiwick_rpc::call",
        "rpc.server",
        otel.name = path,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = name,
        rpc.grpc.status_code = tracing::field::Empty,
        request.id = %request,
    );
    if let Some(parent) = parent {
        let context = Context::new().with_remote_span_context(parent.clone());
        // It fails only where no layer of OpenTelemetry is installed.
        let _ = span.set_parent(context);
    }
    span
}

/// Writes the trace context of a call to a peer: the current span; else, where the call is not traced here,
/// what its caller sent; else a trace that is not sampled, so that a peer does not sample half a trace by
/// itself.
pub(crate) fn inject(call: Option<&Current>, headers: &mut HeaderMap) {
    let mut context = Span::current().context();
    if !context.span().span_context().is_valid() {
        let Some(span) = call.and_then(|call| call.parent.as_deref().cloned().or_else(|| unsampled(call)))
        else {
            return;
        };
        context = Context::new().with_remote_span_context(span);
    }
    TraceContextPropagator::new().inject_context(&context, &mut Outgoing(headers));
}

/// A trace made of the request id, where that has the form of one.
fn unsampled(call: &Current) -> Option<SpanContext> {
    let id = call.request_id.as_str();
    let (_, span) = id.split_at_checked(16).filter(|_| id.len() == 32)?;
    Some(SpanContext::new(
        TraceId::from_hex(id).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::default(),
        true,
        TraceState::default(),
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn parent(text: &'static str) -> Option<SpanContext> {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(text));
        incoming(&headers)
    }

    fn outgoing(call: Option<&Current>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        inject(call, &mut headers);
        headers
    }

    fn call(id: &str, parent: Option<SpanContext>) -> Current {
        Current {
            request_id: RequestId::parse(id.as_bytes()).unwrap(),
            deadline: None,
            parent: parent.map(Arc::new),
            permit: None,
            received: Arc::default(),
            source: None,
        }
    }

    #[test]
    fn a_trace_parent_is_read_as_the_recommendation_says_and_an_invalid_one_is_ignored() {
        let good = parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert!(good.is_sampled() && good.is_remote());
        assert_eq!(good.trace_id().to_string(), TRACE);
        assert_eq!(good.span_id().to_string(), "00f067aa0ba902b7");
        let not_sampled = parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        assert!(!not_sampled.unwrap().is_sampled());
        assert!(parent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00x4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        ] {
            assert_eq!(parent(bad), None, "{bad}");
        }
    }

    #[test]
    fn about_the_configured_part_of_calls_is_sampled_and_the_callers_decision_counts_first() {
        let sampler = Sampler::new(0.01, 42);
        let sampled = (0..100_000).filter(|_| sampler.sample(None)).count();
        assert!((900..1100).contains(&sampled), "{sampled}");
        let yes = parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let no = parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        assert!((0..1000).all(|_| sampler.sample(yes.as_ref())));
        assert!((0..1000).all(|_| !sampler.sample(no.as_ref())));
        let off = Sampler::new(0.0, 42);
        assert!((0..1000).all(|_| !off.sample(yes.as_ref()) && !off.sample(None)));
        let all = Sampler::new(1.0, 42);
        assert!((0..1000).all(|_| all.sample(None)));
    }

    #[test]
    fn a_call_that_is_not_traced_tells_peers_not_to_trace_it_either() {
        let headers = outgoing(Some(&call(TRACE, None)));
        assert_eq!(headers[TRACEPARENT], format!("00-{TRACE}-a3ce929d0e0e4736-00"));
        assert!(!headers.contains_key(TRACESTATE));
        assert!(outgoing(Some(&call("mine-1", None))).is_empty());
        assert!(outgoing(None).is_empty());
    }

    #[test]
    fn the_trace_of_a_caller_goes_on_with_its_state_where_the_call_is_not_traced_here() {
        let mut headers = HeaderMap::new();
        let header = format!("00-{TRACE}-00f067aa0ba902b7-01");
        headers.insert(TRACEPARENT, HeaderValue::try_from(header).unwrap());
        headers.append(TRACESTATE, HeaderValue::from_static("vendor=a"));
        headers.append(TRACESTATE, HeaderValue::from_static("other=b"));
        let sent = outgoing(Some(&call("mine-1", incoming(&headers))));
        assert_eq!(sent[TRACEPARENT], headers[TRACEPARENT]);
        assert_eq!(sent[TRACESTATE], "vendor=a,other=b");
    }
}
