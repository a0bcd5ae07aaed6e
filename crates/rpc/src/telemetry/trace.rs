//! Trace context (<https://www.w3.org/TR/trace-context/>): what came with a call, whether it is traced, what goes on.

use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_proto::Method;
use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{RequestId, current::Current};

/// The trace that a caller is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
    pub(crate) sampled: bool,
}

impl Parent {
    /// Reads the header `traceparent`.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("traceparent")?.as_bytes();
        // 00-<32 digits>-<16 digits>-<2 digits>; a later version may go on after that.
        let (version, rest) = (text.get(..2)?, text.get(2..)?);
        if version == b"ff" || (version == b"00" && text.len() != 55) {
            return None;
        }
        let dashes = [rest.first(), rest.get(33), rest.get(50)];
        if dashes != [Some(&b'-'); 3] || matches!(rest.get(53), Some(c) if *c != b'-') {
            return None;
        }
        let _: [u8; 1] = hex(version)?;
        let trace: [u8; 16] = hex(rest.get(1..33)?)?;
        let span: [u8; 8] = hex(rest.get(34..50)?)?;
        let [flags]: [u8; 1] = hex(rest.get(51..53)?)?;
        let valid = trace != [0; 16] && span != [0; 8];
        valid.then_some(Self {
            trace,
            span,
            sampled: flags & 1 == 1,
        })
    }

    fn context(&self) -> SpanContext {
        let flags = if self.sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        };
        SpanContext::new(
            TraceId::from_bytes(self.trace),
            SpanId::from_bytes(self.span),
            flags,
            true,
            TraceState::default(),
        )
    }
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// Decides which calls are traced, before a span is built.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// Of 2^32 calls so many.
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

    /// The caller's decision where it has made one, else ours.
    pub(crate) fn sample(&self, parent: Option<&Parent>) -> bool {
        if self.threshold == 0 {
            return false;
        }
        if let Some(parent) = parent {
            return parent.sampled;
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
pub(crate) fn span(method: Option<&Method>, parent: Option<&Parent>, request: &RequestId) -> Span {
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
        let context = opentelemetry::Context::new().with_remote_span_context(parent.context());
        // It fails only where no layer of OpenTelemetry listens; then nobody misses it.
        let _ = span.set_parent(context);
    }
    span
}

/// The header `traceparent` of a call to a peer: the present span where there is one, else a trace that is not sampled,
/// so that a peer does not sample half a trace by itself.
pub(crate) fn outgoing(call: Option<&Current>) -> Option<HeaderValue> {
    let context = Span::current().context();
    let context = context.span().span_context().clone();
    if context.is_valid() {
        let (trace, span) = (context.trace_id(), context.span_id());
        let flags = u8::from(context.is_sampled());
        return HeaderValue::try_from(format!("00-{trace}-{span}-{flags:02x}")).ok();
    }
    let id = call?.request_id;
    let id = id.as_str();
    let as_trace = id.len() == 32 && hex::<16>(id.as_bytes()).is_some_and(|b| b != [0; 16]);
    if !as_trace {
        return None;
    }
    HeaderValue::try_from(format!("00-{id}-{}-00", id.get(16..)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(text: &'static str) -> Option<Parent> {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_static(text));
        Parent::of(&headers)
    }

    #[test]
    fn a_trace_parent_is_read_by_the_recommendation_and_rubbish_is_none() {
        let good = parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert!(good.sampled);
        assert_eq!((good.trace[0], good.trace[15], good.span[7]), (0x4b, 0x36, 0xb7));
        assert!(
            !parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
                .unwrap()
                .sampled
        );
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
        let call = |id: &[u8]| Current {
            request_id: RequestId::parse(id).unwrap(),
            deadline: None,
        };
        let header = outgoing(Some(&call(b"4bf92f3577b34da6a3ce929d0e0e4736"))).unwrap();
        assert_eq!(header, "00-4bf92f3577b34da6a3ce929d0e0e4736-a3ce929d0e0e4736-00");
        assert!(outgoing(Some(&call(b"mine-1"))).is_none());
        assert!(outgoing(None).is_none());
    }
}
