//! A server that runs, and its end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{health::Health, listener::Life};
use crate::{ServerConfig, layers::Shared};

/// A server that runs. Dropping it does not stop it; its shutdown token, or [`RunningServer::drain`], does.
#[derive(Debug)]
pub struct RunningServer {
    /// Address of the gRPC listener.
    pub addr: SocketAddr,
    /// Address of the HTTP listener, where there is one.
    pub http_addr: Option<SocketAddr>,
    health: Health,
    shutdown: CancellationToken,
    ended: CancellationToken,
}

impl RunningServer {
    /// Says which services are ready.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Starts the drain and waits for its end: NOT_SERVING, a wait for load balancers to notice, GOAWAY, and then as long
    /// as calls take, at most the grace.
    pub async fn drain(&self) {
        self.shutdown.cancel();
        self.ended.cancelled().await;
    }

    /// Waits until the server has ended, whoever began that.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

pub(super) fn start(
    addr: SocketAddr,
    http_addr: Option<SocketAddr>,
    health: Health,
    shared: Arc<Shared>,
    life: Life,
    config: &ServerConfig,
    shutdown: CancellationToken,
) -> RunningServer {
    // A token of its own: draining this server stops no other that listens to the same shutdown.
    let shutdown = shutdown.child_token();
    let ended = CancellationToken::new();
    let server = RunningServer {
        addr,
        http_addr,
        health: health.clone(),
        shutdown: shutdown.clone(),
        ended: ended.clone(),
    };
    let (wait, grace) = (config.drain_wait.get(), config.drain_grace.get());
    tokio::spawn(async move {
        shutdown.cancelled().await;
        drain(&health, &shared, &life, wait, grace).await;
        ended.cancel();
    });
    server
}

async fn drain(health: &Health, shared: &Shared, life: &Life, wait: Duration, grace: Duration) {
    tracing::info!(calls = shared.under_way(), "draining");
    health.drain().await;
    tokio::time::sleep(wait).await;
    life.closing.cancel();
    life.connections.close();
    if tokio::time::timeout(grace, life.connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            calls = shared.under_way(),
            "calls took longer than the grace and are cut"
        );
        life.cut.cancel();
        life.connections.wait().await;
    }
    tracing::info!("drained");
}
