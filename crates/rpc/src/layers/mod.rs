//! The layers that every call passes, in this order: request id, panic, trace, metrics, access log, load
//! shedding, deadline, authentication. All but the first are one service with one future: the call that is
//! answered from memory pays for no boxes between them, no span, no timer and no log line. The order is held
//! by tests on real sockets.

mod arrive;
mod body;
mod call;
mod complete;
pub(crate) mod deadline;
mod identify;
mod observe;
mod shed;

use std::{
    any::Any,
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bailiwick_proto::Method;
use bailiwick_types::{Code, Reason};
use tonic::Status;

pub(crate) use self::{arrive::Arriving, body::AnswerBody, call::Call, observe::LogRule, shed::Permit};
use self::{observe::MethodMetrics, shed::Shed};
use crate::{
    Authenticator,
    client::TrustedProxies,
    frame::{Activity, Dispatcher, Services, unknown},
    status::{opaque, plain},
    telemetry::trace::Sampler,
    token::{Received, TokenCodec},
};

/// Which listener of a server calls arrive on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// For everybody: methods that are not of kind INTERNAL.
    Public,
    /// For the suite's own services: the methods that name callers.
    Internal,
}

impl Side {
    fn has(self, method: &Method) -> bool {
        match self {
            Self::Public => method.is_public(),
            Self::Internal => method.is_internal(),
        }
    }
}

/// What all calls on a listener share.
pub(crate) struct Shared {
    side: Side,
    entries: HashMap<&'static str, Arc<Entry>>,
    /// Health and reflection: on the public listener they need no credentials.
    open: Arc<Entry>,
    unknown: Arc<Entry>,
    sampler: Arc<Sampler>,
    shed: Arc<Shed>,
    rule: LogRule,
    max_deadline: Duration,
    request_timeout: Duration,
    authenticator: Arc<Authenticator>,
    tokens: TokenCodec,
    proxies: TrustedProxies,
    /// Of calls without consistency token.
    no_tokens: Arc<Received>,
}

/// A method and its dispatcher.
pub(crate) struct Entry {
    method: Option<&'static Method>,
    metrics: Arc<MethodMetrics>,
    dispatcher: Dispatcher,
}

/// The parts that the layers are built from.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) services: Services,
    pub(crate) extra_methods: &'static [Method],
    pub(crate) sampler: Arc<Sampler>,
    pub(crate) rule: LogRule,
    pub(crate) max_in_flight: usize,
    pub(crate) max_deadline: Duration,
    pub(crate) max_message_bytes: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) tokens: TokenCodec,
    pub(crate) proxies: TrustedProxies,
}

impl Shared {
    pub(crate) fn new(side: Side, parts: Parts) -> Arc<Self> {
        let Parts { services, .. } = parts;
        let declared = bailiwick_proto::METHODS.iter().chain(parts.extra_methods);
        let declared = declared.filter(|method| side.has(method));
        let entries = declared.filter_map(|method| {
            let entry = Entry {
                method: Some(method),
                metrics: MethodMetrics::new(Some(method)),
                dispatcher: services.dispatcher(method.path, parts.max_message_bytes)?,
            };
            Some((method.path, Arc::new(entry)))
        });
        let bare = |dispatcher| {
            Arc::new(Entry {
                method: None,
                metrics: MethodMetrics::new(None),
                dispatcher,
            })
        };
        Arc::new(Self {
            side,
            entries: entries.collect(),
            open: bare(services.open()),
            unknown: bare(unknown()),
            sampler: parts.sampler,
            shed: Shed::new(parts.max_in_flight),
            rule: parts.rule,
            max_deadline: parts.max_deadline,
            request_timeout: parts.request_timeout,
            authenticator: parts.authenticator,
            no_tokens: Arc::new(Received::nothing(parts.tokens.clone())),
            tokens: parts.tokens,
            proxies: parts.proxies,
        })
    }

    fn entry(&self, path: &str) -> &Arc<Entry> {
        match self.entries.get(path) {
            Some(entry) => entry,
            None if is_open(path) => &self.open,
            None => &self.unknown,
        }
    }

    /// Whether an entry without declaration is for the suite's own services alone.
    fn is_guarded(&self, entry: &Arc<Entry>) -> bool {
        self.side == Side::Internal && Arc::ptr_eq(entry, &self.open)
    }

    /// The number of calls in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.shed.in_flight()
    }
}

/// Whether a path belongs to health or reflection.
fn is_open(path: &str) -> bool {
    [
        "/grpc.health.v1.Health/",
        "/grpc.reflection.v1.ServerReflection/",
        "/grpc.reflection.v1alpha.ServerReflection/",
    ]
    .iter()
    .any(|service| path.starts_with(service))
}

/// The layers on one connection.
#[derive(Clone)]
pub(crate) struct Layers {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: Option<SocketAddr>,
    /// Of the connection.
    pub(crate) activity: Arc<Activity>,
}

impl tower::Service<http::Request<hyper::body::Incoming>> for Layers {
    type Response = http::Response<AnswerBody>;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<hyper::body::Incoming>) -> Call {
        let entry = Arc::clone(self.shared.entry(request.uri().path()));
        let limit = entry.method.filter(|method| !method.streaming);
        let limit = limit.map(|_| self.shared.request_timeout);
        let body = |body| tonic::body::Body::new(Arriving::new(limit, body));
        Call::new(
            Arc::clone(&self.shared),
            entry,
            self.peer,
            self.activity.open(),
            request.map(body),
        )
    }
}

fn deadline_exceeded() -> Status {
    plain(
        Code::DeadlineExceeded,
        Reason::DeadlineExceeded,
        "deadline exceeded",
    )
}

fn overloaded() -> Status {
    plain(
        Code::ResourceExhausted,
        Reason::Overloaded,
        "too many concurrent calls",
    )
}

/// The status of a call whose handler panicked; the panic message goes to the log.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Status {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(error = text, "handler panicked");
    opaque()
}
