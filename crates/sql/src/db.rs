//! A service's database.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bailiwick_types::{Clock, ScopeRoot, Service, Watch};
use sea_orm::{ConnectionTrait, DbBackend};
use tokio::sync::{Mutex, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    DbConfig, Error,
    epoch::LastSeen,
    hint::{self, Hints},
    pools::Pools,
    sequencer,
};

/// The database of one service: pools, sequencer and notifications. Clones share them.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: DbConfig,
    pub(crate) service: Service,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pools: Pools,
    pub(crate) epoch: LastSeen,
    pub(crate) hints: Hints,
    pub(crate) applied: broadcast::Sender<(Service, ScopeRoot, u64)>,
    pub(crate) sequencer: Mutex<()>,
    pub(crate) unsequenced: std::sync::atomic::AtomicBool,
    pub(crate) tasks: TaskTracker,
    pub(crate) watch: OnceLock<Arc<dyn Watch>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({}, {:?})", self.service, self.pools.backend)
    }
}

/// The background tasks of a database: the sequencer for crashed committers, and notifications from other
/// processes. Dropping it stops them.
#[derive(Debug)]
#[must_use = "dropping it stops the tasks"]
pub struct Workers(CancellationToken);

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Db {
    /// Connects to the database of a service. A missing SQLite file is created, readable by its owner only;
    /// its folder must exist. Nothing is migrated.
    ///
    /// # Errors
    /// The database is unavailable or its settings are unsupported.
    pub async fn connect(config: DbConfig, service: Service, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let pools = Pools::connect(&config, service).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                service,
                clock,
                pools,
                epoch: LastSeen::default(),
                hints: Hints::new(),
                applied: broadcast::Sender::new(1024),
                sequencer: Mutex::new(()),
                unsequenced: false.into(),
                tasks: TaskTracker::new(),
                watch: OnceLock::new(),
            }),
        })
    }
    /// Tells `watch` how the database and the feeds that are followed into it do. The first call counts.
    pub fn watched_by(&self, watch: Arc<dyn Watch>) {
        let _ = self.inner.watch.set(watch);
    }
    pub(crate) fn watch(&self) -> &dyn Watch {
        self.inner.watch.get().map_or(&(), |watch| &**watch)
    }
    /// The name of the database among the dependencies of a process.
    pub(crate) fn name(&self) -> String {
        format!("{}_database", self.inner.service)
    }
    /// Starts the background tasks. A server does so once its schema exists; a short-lived command need not.
    pub fn start_workers(&self) -> Workers {
        let stop = CancellationToken::new();
        let (sequencer, listener) = (self.clone(), self.clone());
        let (one, other) = (stop.clone(), stop.clone());
        self.inner.tasks.spawn(async move {
            one.run_until_cancelled(sequencer::run(sequencer)).await;
        });
        self.inner.tasks.spawn(async move {
            other.run_until_cancelled(hint::listen(listener)).await;
        });
        Workers(stop)
    }
    /// Waits for commits in flight, and closes all connections. The workers must be dropped before.
    pub async fn close(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        self.inner.pools.close().await;
    }
    /// A read-only connection for single statements: each is a snapshot by itself, and sees the rows of all
    /// accounts, so its text must name the account.
    #[must_use]
    pub fn load(&self) -> &(impl ConnectionTrait + use<>) {
        &self.inner.pools.load
    }
    /// The engine.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.inner.pools.backend
    }
    /// The service that owns the database.
    #[must_use]
    pub fn service(&self) -> Service {
        self.inner.service
    }
    /// The injected clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }
    /// Runs a trivial statement: for health checks.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn ping(&self) -> Result<(), Error> {
        self.inner.pools.load.execute_unprepared("SELECT 1").await?;
        Ok(())
    }
    pub(crate) fn is_postgres(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }
    pub(crate) fn poll_interval(&self) -> Duration {
        self.inner.config.poll_interval
    }
}
