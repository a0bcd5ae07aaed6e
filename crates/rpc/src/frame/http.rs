//! The HTTP listener: health, metrics and what a service has over HTTP.

use std::{net::SocketAddr, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bailiwick_types::Service;
use futures_util::FutureExt;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio_util::sync::CancellationToken;
use tower::util::MapRequest;

use super::{
    activity::{Activity, Counted},
    connection::aged,
    first::{Opened, Protocol},
    health::Health,
};
use crate::{
    ClientAddress, RequestId, ServerConfig,
    client::TrustedProxies,
    current::{self, Carried, Current},
    layers::{Arriving, panicked},
    metrics,
    request_id::RequestIds,
    telemetry::trace,
};

/// Answers 200 while the process runs.
const LIVE_PATH: &str = "/healthz";
/// Answers 200 while every service of the process can serve, or else 503 and which cannot.
const READY_PATH: &str = "/readyz";
/// The metrics of the process, as Prometheus reads them.
const METRICS_PATH: &str = "/metrics";

/// Health and metrics.
pub(super) fn health_router(health: Health, closing: CancellationToken) -> Router {
    let grpc = health.service(closing);
    let ready = move || {
        let health = health.clone();
        async move {
            let waiting = health.not_ready();
            if waiting.is_empty() {
                return (StatusCode::OK, "ok\n".to_owned());
            }
            let why = |(service, why): &(Service, Vec<String>)| match why.as_slice() {
                [] => service.to_string(),
                why => format!("{service} ({})", why.join("; ")),
            };
            let services: Vec<_> = waiting.iter().map(why).collect();
            (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("not ready: {}\n", services.join(", ")),
            )
        }
    };
    let text = || async {
        let kind = [(
            axum::http::header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )];
        (kind, metrics::text()).into_response()
    };
    Router::new()
        .route(LIVE_PATH, get(|| async { "ok\n" }))
        .route(READY_PATH, get(ready))
        .route(METRICS_PATH, get(text))
        .route_service("/grpc.health.v1.Health/{method}", grpc)
}

/// How requests over HTTP are served.
#[derive(Clone)]
pub(super) struct Https {
    router: Router,
    ids: RequestIds,
    proxies: TrustedProxies,
    request_timeout: Duration,
    keepalive: (Duration, Duration),
    limits: Limits,
}

impl Https {
    pub(super) fn new(
        config: &ServerConfig,
        router: Router,
        ids: RequestIds,
        closing: CancellationToken,
    ) -> Self {
        let request_timeout = config.request_timeout.get();
        let router = router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let body = |body| axum::body::Body::new(Arriving::within(request_timeout, body));
            around(request.map(body), next)
        }));
        Self {
            router,
            ids,
            proxies: TrustedProxies::new(&config.trusted_proxies),
            request_timeout,
            keepalive: (config.keepalive_interval.get(), config.keepalive_timeout.get()),
            limits: Limits {
                idle: config.idle_timeout.get(),
                age: config.max_connection_age.get(),
                grace: config.max_connection_age_grace.get(),
                closing,
            },
        }
    }

    /// Serves a connection until the client closes it, its maximum age is reached, it has been idle for too
    /// long, or the server shuts down.
    pub(super) async fn serve(self, link: Opened, protocol: Protocol, peer: SocketAddr) {
        let activity = Arc::new(Activity::default());
        let counted = Counted {
            service: self.ids.around(self.router),
            activity: Arc::clone(&activity),
        };
        let proxies = self.proxies;
        let service = MapRequest::new(counted, move |mut request: http::Request<Incoming>| {
            let client = proxies.client(Some(peer), request.headers());
            request.extensions_mut().insert(ClientAddress(client));
            request
        });
        let service = TowerToHyperService::new(service);
        let link = TokioIo::new(link);
        let stop = self.limits.stop(&activity, peer);
        let grace = self.limits.grace;
        let ended = match protocol {
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder
                    .timer(TokioTimer::new())
                    .header_read_timeout(Some(self.request_timeout).filter(|t| !t.is_zero()));
                let mut connection = pin!(builder.serve_connection(link, service));
                tokio::select! {
                    ended = connection.as_mut() => Some(ended),
                    () = stop => {
                        connection.as_mut().graceful_shutdown();
                        tokio::time::timeout(grace, connection).await.ok()
                    }
                }
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder
                    .timer(TokioTimer::new())
                    .keep_alive_interval(Some(self.keepalive.0).filter(|t| !t.is_zero()))
                    .keep_alive_timeout(self.keepalive.1);
                let mut connection = pin!(builder.serve_connection(link, service));
                tokio::select! {
                    ended = connection.as_mut() => Some(ended),
                    () = stop => {
                        connection.as_mut().graceful_shutdown();
                        tokio::time::timeout(grace, connection).await.ok()
                    }
                }
            }
        };
        match ended {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "HTTP connection failed"),
            None => tracing::debug!(net.peer = %peer, "closed a connection past its grace"),
        }
    }
}

/// When a connection ends.
#[derive(Clone)]
struct Limits {
    idle: Duration,
    age: Duration,
    grace: Duration,
    closing: CancellationToken,
}

impl Limits {
    /// Waits until a connection should end.
    async fn stop(&self, activity: &Activity, peer: SocketAddr) {
        tokio::select! {
            () = self.closing.cancelled() => {}
            () = aged(self.age, peer) => {}
            () = activity.idle(self.idle) => {}
        }
    }
}

/// Handles a request as part of a call that log lines and calls to peers know, and answers also where the
/// handler panics.
async fn around(request: Request, next: Next) -> Response {
    let current = Current {
        request_id: RequestId::of(&request),
        deadline: None,
        parent: trace::incoming(request.headers()).map(Arc::new),
        permit: None,
        received: Arc::default(),
        source: None,
    };
    let handled = AssertUnwindSafe(Carried::of(current.clone(), next.run(request)));
    handled.catch_unwind().await.unwrap_or_else(|panic| {
        current::within(current, || panicked(&*panic));
        (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
    })
}
