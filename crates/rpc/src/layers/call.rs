//! A call in the layers.

use std::{
    convert::Infallible,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
    time::Instant as StdInstant,
};

use bailiwick_proto::Method;
use bailiwick_types::Caller;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::time::{Instant, Sleep};
use tonic::{Status, body::Body};
use tracing::Span;

use super::{
    AnswerBody, Entry, Shared, Side, body,
    body::Watch,
    complete::complete,
    deadline, deadline_exceeded,
    identify::{Identified, identify, identify_service},
    observe::Observation,
    overloaded, panicked,
};
use crate::{
    AuthError, Context, IntoStatus, RequestId,
    current::{self, Current},
    frame::{Answer, OpenStream},
    origin::Source,
    telemetry::trace,
    token::{self, Received, TokenError},
};

/// One call.
pub(crate) struct Call {
    shared: Arc<Shared>,
    entry: Arc<Entry>,
    peer: Option<SocketAddr>,
    /// Until the end of the response.
    open: Option<OpenStream>,
    state: State,
    /// Set at the first poll.
    begun: Option<Begun>,
}

/// What is known once a call has begun.
struct Begun {
    entry: Arc<Entry>,
    current: Current,
    /// There are too many calls in flight.
    overloaded: bool,
    /// What is wrong with its consistency tokens, once the caller is known.
    tokens: Result<(), TokenError>,
    observation: Option<Observation>,
    span: Span,
    /// The caller's deadline. The server's own limit ends when the response begins: a stream may be long.
    asked: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

enum State {
    Arrived(Request<Body>),
    Verifying {
        verified: BoxFuture<'static, Result<Arc<Caller>, Status>>,
        request: Request<Body>,
    },
    Handled(Answer),
    Over,
}

impl Call {
    pub(super) fn new(
        shared: Arc<Shared>,
        entry: Arc<Entry>,
        peer: Option<SocketAddr>,
        open: OpenStream,
        request: Request<Body>,
    ) -> Self {
        Self {
            shared,
            entry,
            peer,
            open: Some(open),
            state: State::Arrived(request),
            begun: None,
        }
    }

    /// Trace, metrics and access log: what every call has, rejected ones included.
    fn begin(
        shared: &Arc<Shared>,
        entry: &Arc<Entry>,
        peer: Option<SocketAddr>,
        request: &Request<Body>,
    ) -> Begun {
        let began = StdInstant::now();
        let headers = request.headers();
        let request_id = RequestId::of(request);
        let parent = trace::incoming(headers);
        let span = if shared.sampler.sample(parent.as_ref()) {
            trace::span(entry.method, parent.as_ref(), &request_id)
        } else {
            Span::none()
        };
        let asked = headers.get("grpc-timeout").and_then(deadline::parse);
        let (received, tokens) = match Received::of(&shared.tokens, headers) {
            None => (Arc::clone(&shared.no_tokens), Ok(())),
            Some(Ok(received)) => (Arc::new(received), Ok(())),
            Some(Err(error)) => (Arc::clone(&shared.no_tokens), Err(error)),
        };
        let writes = entry.method.is_some_and(Source::is_kept_for);
        let source = writes.then(|| {
            let client = shared.proxies.client(peer, headers);
            Arc::new(Source::new(client, headers, shared.side == Side::Internal))
        });
        let now = Instant::now();
        let asked = asked.and_then(|time| now.checked_add(time));
        let longest = now.checked_add(shared.max_deadline);
        // Of health and reflection there may be any number.
        let permit = entry.method.map(|_| shared.shed.enter());
        let observation = Observation {
            metrics: Arc::clone(&entry.metrics),
            rule: shared.rule,
            request_id: request_id.clone(),
            began,
            span: span.clone(),
            ended: false,
        };
        Begun {
            entry: Arc::clone(entry),
            current: Current {
                request_id,
                deadline: [asked, longest].into_iter().flatten().min(),
                parent: parent.map(Arc::new),
                permit: permit.clone().flatten(),
                received,
                source,
            },
            overloaded: matches!(permit, Some(None)),
            tokens,
            observation: Some(observation),
            span,
            asked,
            timer: None,
        }
    }

    /// Load shedding, deadline, and authentication as far as it does not wait.
    fn enter(&mut self, begun: &mut Begun, request: Request<Body>) -> Result<State, Status> {
        let authenticator = &self.shared.authenticator;
        let Some(method) = begun.entry.method else {
            if self.shared.is_guarded(&begun.entry) {
                identify_service(authenticator, None, request.headers())?;
            }
            return Ok(State::Handled(begun.entry.dispatcher.call(request)));
        };
        if begun.overloaded {
            return Err(overloaded());
        }
        if begun.asked.is_some_and(|at| at <= Instant::now()) {
            return Err(deadline_exceeded());
        }
        if self.shared.side == Side::Internal {
            let caller = identify_service(authenticator, Some(method), request.headers())?;
            return self.hand_over(begun, caller, method, request);
        }
        match identify(authenticator, method, request.headers()) {
            Identified::Known(caller) => self.hand_over(begun, caller, method, request),
            Identified::Refused(status) => Err(status),
            Identified::Verifying(verified) => Ok(State::Verifying { verified, request }),
        }
    }

    /// Passes the call to its service.
    fn hand_over(
        &self,
        begun: &Begun,
        caller: Arc<Caller>,
        method: &'static Method,
        mut request: Request<Body>,
    ) -> Result<State, Status> {
        let authenticator = &self.shared.authenticator;
        let client = self.shared.proxies.client(self.peer, request.headers());
        if caller.key().is_some_and(|key| !key.admits(client)) {
            return Err(AuthError::Invalid.into_status());
        }
        begun.tokens.clone().map_err(IntoStatus::into_status)?;
        if let Some(source) = &begun.current.source {
            source.called_by(&caller);
        }
        let context = Context {
            caller,
            token: begun.current.received.wanted.clone(),
            deadline: begun.current.deadline,
            asked: begun.asked,
            request_id: begun.current.request_id.clone(),
            method,
            peer: self.peer,
            client,
            authenticator: Some(Arc::clone(authenticator)),
        };
        request.extensions_mut().insert(context);
        Ok(State::Handled(begun.entry.dispatcher.call(request)))
    }

    /// Advances until the call is answered or has to wait.
    fn step(&mut self, begun: &mut Begun, task: &mut Task<'_>) -> Poll<Result<Response<Body>, Status>> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Arrived(request) => self.state = self.enter(begun, request)?,
                State::Verifying {
                    mut verified,
                    request,
                } => {
                    let Poll::Ready(caller) = verified.as_mut().poll(task) else {
                        self.state = State::Verifying { verified, request };
                        return Poll::Pending;
                    };
                    let Some(method) = begun.entry.method else {
                        return Poll::Pending;
                    };
                    self.state = self.hand_over(begun, caller?, method, request)?;
                }
                State::Handled(mut answer) => {
                    let Poll::Ready(Ok(response)) = answer.as_mut().poll(task) else {
                        self.state = State::Handled(answer);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Ok(response));
                }
                State::Over => return Poll::Pending,
            }
        }
    }

    fn answer(mut begun: Begun, mut response: Response<Body>) -> Response<AnswerBody> {
        let Some(observation) = begun.observation.take() else {
            return response.map(AnswerBody::plain);
        };
        current::within(begun.current.clone(), || complete(response.headers_mut()));
        if let Some(merged) = &begun.current.received.merged {
            response.headers_mut().insert(token::HEADER, merged.clone());
        }
        if response.headers().contains_key("grpc-status") {
            observation.end(body::code(response.headers()));
            return response.map(AnswerBody::plain);
        }
        let watch = Watch {
            observation,
            current: begun.current,
            deadline: begun.asked,
            timer: None,
        };
        response.map(|inner| AnswerBody::watched(inner, watch))
    }
}

impl Future for Call {
    type Output = Result<Response<AnswerBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut begun = match (this.begun.take(), &this.state) {
            (Some(begun), _) => begun,
            (None, State::Arrived(request)) => Self::begin(&this.shared, &this.entry, this.peer, request),
            // Polled after its end.
            (None, _) => return Poll::Pending,
        };
        let (current, span) = (begun.current.clone(), begun.span.clone());
        let stepped = current::within(current, || {
            span.in_scope(|| {
                let step = AssertUnwindSafe(|| this.step(&mut begun, task));
                catch_unwind(step).map_err(|panic| panicked(&*panic))
            })
        });
        let result = match stepped {
            Ok(Poll::Ready(result)) => result,
            Ok(Poll::Pending) if begun.late(task) => Err(deadline_exceeded()),
            Ok(Poll::Pending) => {
                this.begun = Some(begun);
                return Poll::Pending;
            }
            Err(status) => Err(status),
        };
        // Drop the handler now, not when the connection has sent the response.
        this.state = State::Over;
        let response = match result {
            Ok(response) => response,
            Err(status) => status.into_http(),
        };
        let open = this.open.take();
        Poll::Ready(Ok(Self::answer(begun, response).map(|body| body.open(open))))
    }
}

impl Begun {
    /// Whether the deadline has passed. Only pending calls are checked, so that others need no timer.
    fn late(&mut self, task: &mut Task<'_>) -> bool {
        let Some(at) = self.current.deadline else {
            return false;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        timer.as_mut().poll(task).is_ready()
    }
}
