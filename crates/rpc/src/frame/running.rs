//! A running server and its drain.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Certificates, health::Health, listener::Life};
use crate::{ServerConfig, layers::Shared};

/// A running server. Dropping it does not stop it; its shutdown token, or [`RunningServer::drain`], does.
#[derive(Debug)]
pub struct RunningServer {
    /// Address of the gRPC listener.
    pub addr: SocketAddr,
    /// Address of the listener for the other services of the suite, where there is one.
    pub internal_addr: Option<SocketAddr>,
    /// Address of the HTTP listener, where there is one.
    pub http_addr: Option<SocketAddr>,
    /// Address of the listener for health and metrics, where there is one.
    pub health_addr: Option<SocketAddr>,
    certificates: Option<Arc<Certificates>>,
    health: Health,
    shutdown: CancellationToken,
    /// The drain that waits for its time.
    task: TaskTracker,
}

impl RunningServer {
    /// The readiness of its services.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Reads the TLS certificate again, where there is one.
    pub fn reload(&self) {
        if let Some(certificates) = &self.certificates {
            certificates.reload();
        }
    }

    /// Starts the drain and waits for its end: `NOT_SERVING`, a wait for load balancers to notice, GOAWAY,
    /// and then as long as calls take, at most the grace.
    pub async fn drain(&self) {
        self.shutdown.cancel();
        self.task.wait().await;
    }

    /// Waits until the server has ended.
    pub async fn ended(&self) {
        self.task.wait().await;
    }
}

/// The addresses of a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) grpc: SocketAddr,
    pub(super) internal: Option<SocketAddr>,
    pub(super) http: Option<SocketAddr>,
    pub(super) health: Option<SocketAddr>,
}

/// A listener for gRPC: its calls and its connections.
type Side = (Arc<Shared>, Life);

pub(super) fn start(
    addresses: Addresses,
    certificates: Option<Arc<Certificates>>,
    health: Health,
    sides: Vec<Side>,
    config: &ServerConfig,
    shutdown: CancellationToken,
) -> RunningServer {
    // A child token: draining this server must not stop others with the same shutdown token.
    let shutdown = shutdown.child_token();
    let server = RunningServer {
        addr: addresses.grpc,
        internal_addr: addresses.internal,
        http_addr: addresses.http,
        health_addr: addresses.health,
        certificates,
        health: health.clone(),
        shutdown: shutdown.clone(),
        task: TaskTracker::new(),
    };
    let (wait, grace) = (config.drain_wait.get(), config.drain_grace.get());
    server.task.spawn(async move {
        shutdown.cancelled().await;
        drain(&health, &sides, wait, grace).await;
    });
    server.task.close();
    server
}

/// Ends the sides one after the other: calls of the first make calls to the second. The grace is for all.
async fn drain(health: &Health, sides: &[Side], wait: Duration, grace: Duration) {
    let calls = || sides.iter().map(|(shared, _)| shared.in_flight()).sum::<usize>();
    tracing::info!(calls = calls(), "draining");
    health.drain();
    tokio::time::sleep(wait).await;
    let end = tokio::time::Instant::now() + grace;
    for (shared, life) in sides {
        life.closing.cancel();
        life.connections.close();
        if tokio::time::timeout_at(end, life.connections.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                calls = shared.in_flight(),
                "aborting the calls that exceeded the drain grace period"
            );
            life.cut.cancel();
            life.connections.wait().await;
        }
    }
    tracing::info!("drained");
}
