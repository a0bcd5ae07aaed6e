//! The services of a process.

pub(crate) mod clock;
pub(crate) mod databases;
pub(crate) mod directory;
pub(crate) mod keys;
mod peers;
mod readiness;
pub(crate) mod temporary;
#[cfg(feature = "testing")]
mod testing;
mod wiring;

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use bailiwick_rpc::{RunningServer, ServiceKeys, Telemetry};
use bailiwick_sql::Db;
use bailiwick_types::{Rng, SystemRng};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use wiring::start;

/// A running process of the suite.
pub(crate) struct Running {
    /// Address of the gRPC listener.
    pub(crate) grpc: SocketAddr,
    /// Address of the HTTP listener.
    pub(crate) http: Option<SocketAddr>,
    server: RunningServer,
    service_keys: Arc<ServiceKeys>,
    /// Ends the streams of the feeds, which would otherwise delay the drain.
    shutdown: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
    databases: Vec<Db>,
    /// Sequencers and listeners of the databases; they end with this value.
    workers: Vec<bailiwick_sql::Workers>,
    telemetry: Telemetry,
}

impl Running {
    /// Drains the server, ends background tasks, closes the databases and sends the last traces and metrics.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.server.drain().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        drop(self.workers);
        for db in self.databases {
            db.close().await;
        }
        self.telemetry.shutdown().await;
    }
}

/// Waits for SIGTERM or Ctrl-C.
pub(crate) async fn stopped() -> Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}

/// The SIGHUPs from now on: without this, one that comes while the process starts ends it.
pub(crate) fn hangups() -> Result<Signal> {
    signal(SignalKind::hangup()).context("cannot wait for SIGHUP")
}

/// Reads again what may be replaced while a process runs, at each SIGHUP; never ends.
pub(crate) async fn reload(running: &Running, mut hangups: Signal) -> Result<&'static str> {
    while hangups.recv().await.is_some() {
        tracing::info!(
            signal = "SIGHUP",
            "reading the TLS certificate and the keys of services again"
        );
        running.server.reload();
        running.service_keys.reload();
    }
    std::future::pending().await
}

/// Random text of letters and digits, for secrets.
pub(crate) fn random_text(length: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; length];
    SystemRng.fill(&mut bytes);
    bytes
        .iter()
        .map(|b| char::from(LETTERS[usize::from(b % 32)]))
        .collect()
}
