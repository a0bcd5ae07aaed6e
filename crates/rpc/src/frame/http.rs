//! The HTTP listener: health, metrics and what a service has over HTTP.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio_util::sync::CancellationToken;

use super::{health::Health, listener::Link};
use crate::{
    RequestId,
    current::{self, Carried, Current},
    layers::panicked,
    metrics,
    request_id::RequestIds,
    telemetry::trace,
};

/// The routes that every service has, and its own.
pub(super) fn router(health: Health, own: Router) -> Router {
    let ready = move || {
        let health = health.clone();
        async move {
            let waiting = health.not_ready();
            if waiting.is_empty() {
                return (StatusCode::OK, "ok\n".to_owned());
            }
            let names: Vec<_> = waiting.iter().map(|s| s.as_str()).collect();
            (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("not ready: {}\n", names.join(", ")),
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
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(text))
        .merge(own)
        .layer(middleware::from_fn(around))
}

/// Handles a request as part of a call that log lines and calls to peers know, and answers also where the
/// handler panics.
async fn around(request: Request, next: Next) -> Response {
    let current = Current {
        request_id: RequestId::of(&request),
        deadline: None,
        parent: trace::incoming(request.headers()).map(Arc::new),
        received: Arc::default(),
    };
    let handled = AssertUnwindSafe(Carried::of(current.clone(), next.run(request)));
    handled.catch_unwind().await.unwrap_or_else(|panic| {
        current::within(current, || panicked(&*panic));
        (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
    })
}

/// Serves one connection.
pub(super) async fn serve(link: Box<dyn Link>, router: Router, ids: RequestIds, closing: CancellationToken) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let service = TowerToHyperService::new(ids.around(router));
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(link), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "HTTP connection failed");
    }
}
