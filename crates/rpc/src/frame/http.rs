//! The HTTP listener: health, metrics and what a service has over HTTP.

use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio_util::sync::CancellationToken;

use super::{health::Health, listener::Link};
use crate::metrics;

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
}

/// Serves one connection.
pub(super) async fn serve(link: Box<dyn Link>, router: Router, closing: CancellationToken) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let service = TowerToHyperService::new(router);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(link), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection broke");
    }
}
