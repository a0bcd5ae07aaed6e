//! The services of a process, put together.

pub(crate) mod clock;
pub(crate) mod databases;
mod keys;
mod peers;
#[cfg(feature = "testing")]
mod testing;
mod wiring;

use std::net::SocketAddr;

use bailiwick_rpc::RunningServer;
use bailiwick_sql::Db;
use bailiwick_types::{Rng, SystemRng};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use wiring::start;

/// A running process of the suite.
pub(crate) struct Running {
    /// Where it answers gRPC.
    pub(crate) grpc: SocketAddr,
    /// Where it answers HTTP.
    pub(crate) http: Option<SocketAddr>,
    server: RunningServer,
    /// Ends the feeds' streams, which would else hold up the drain.
    shutdown: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
    databases: Vec<Db>,
    /// Sequencers and listeners of the databases; they end with this value.
    workers: Vec<bailiwick_sql::Workers>,
}

impl Running {
    /// Drains the server, ends what runs beside it and closes the databases.
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
    }
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
