//! One gRPC connection.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::server::conn::http2;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio_util::sync::CancellationToken;

use super::{activity::Activity, first::Opened};
use crate::{
    ServerConfig,
    layers::{Layers, Shared},
    request_id::RequestIds,
    telemetry::trace::mix,
};

/// A stream's window: enough for a page of a list in one round trip.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// A connection's window.
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// How connections are served.
#[derive(Clone)]
pub(super) struct Connections {
    http2: http2::Builder<TokioExecutor>,
    shared: Arc<Shared>,
    ids: RequestIds,
    age: Duration,
    grace: Duration,
    idle: Duration,
    closing: CancellationToken,
}

impl Connections {
    pub(super) fn new(
        config: &ServerConfig,
        shared: Arc<Shared>,
        ids: RequestIds,
        closing: CancellationToken,
    ) -> Self {
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .auto_date_header(false)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(config.max_streams_per_connection)
            .max_header_list_size(config.max_header_bytes)
            .keep_alive_interval(Some(config.keepalive_interval.get()).filter(|t| !t.is_zero()))
            .keep_alive_timeout(config.keepalive_timeout.get());
        Self {
            http2,
            shared,
            ids,
            age: config.max_connection_age.get(),
            grace: config.max_connection_age_grace.get(),
            idle: config.idle_timeout.get(),
            closing,
        }
    }

    /// Serves a connection until the client closes it, its maximum age is reached, it has been idle for too
    /// long, or the server shuts down.
    pub(super) async fn serve(self, link: Opened, peer: SocketAddr) {
        let activity = Arc::new(Activity::default());
        let layers = Layers {
            shared: Arc::clone(&self.shared),
            peer: Some(peer),
            activity: Arc::clone(&activity),
        };
        let service = TowerToHyperService::new(self.ids.around(layers));
        let mut connection = pin!(self.http2.serve_connection(TokioIo::new(link), service));
        tokio::select! {
            ended = connection.as_mut() => return note(ended),
            // The drain has its own timer, which aborts what is left.
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                return note(connection.await);
            }
            () = aged(self.age, peer) => connection.as_mut().graceful_shutdown(),
            () = activity.idle(self.idle) => connection.as_mut().graceful_shutdown(),
        }
        match tokio::time::timeout(self.grace, connection).await {
            Ok(ended) => note(ended),
            Err(_) => tracing::debug!(net.peer = %peer, "closed a connection past its grace"),
        }
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection failed");
    }
}

/// Waits until a connection has reached its maximum age; for ever where that is zero.
pub(super) async fn aged(age: Duration, peer: SocketAddr) {
    if age.is_zero() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(jittered(age, u64::from(peer.port()))).await;
}

/// Varies an age by up to a tenth, so that connections made together do not end together.
fn jittered(age: Duration, seed: u64) -> Duration {
    let part = u32::try_from(mix(seed) % 201).unwrap_or(100);
    age * (900 + part) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_differ_by_up_to_a_tenth() {
        let age = Duration::from_secs(1000);
        let ages: Vec<_> = (0..500).map(|n| jittered(age, n)).collect();
        assert!(ages.iter().all(|a| (900..=1100).contains(&a.as_secs())));
        assert!(ages.iter().any(|a| a.as_secs() < 920) && ages.iter().any(|a| a.as_secs() > 1080));
    }
}
