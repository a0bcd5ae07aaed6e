//! Puts the service together.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bailiwick_authorization_core::Ports;
use bailiwick_authorization_engine::{Replica, ReplicaRights, SharedCache};
use bailiwick_feed::{GrpcFeedSource, SnapshotSource, record_attempts, retain};
use bailiwick_rpc::{Attempts, Guard, MacKeys, Peer, Rights, Services, Tasks, metrics};
use bailiwick_sql::{
    Committed, Db, Error, execute,
    follow::{FeedSink, Follower, FollowerConfig},
    usage::keep_counted,
};
use bailiwick_types::{Clock, IdGen, Rng, Service, System, SystemRng};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    AuthorizationConfig,
    decision_log::{DecisionLog, DecisionLogError, Writer},
    export::{Exporter, Spool},
    follow::{IdentitySink, TenancySink, Tools},
    fresh::Freshness,
    grpc::{self, Api},
    migrations::COUNTED,
    redis::RedisCache,
    redis_url::RedisSetupError,
    store::{
        OnCommit, Snapshot, SqlStore,
        engine::{SqlLists, SqlSource},
    },
    watch::{Hub, run_until},
};

/// What the service needs.
#[derive(Clone)]
pub struct Deps {
    /// Its configuration.
    pub config: AuthorizationConfig,
    /// Its database, connected, with its schema.
    pub db: Db,
    /// Serves identity's feed.
    pub identity: Peer,
    /// Serves tenancy's feed.
    pub tenancy: Peer,
    /// Authenticate the values of the shared cache.
    pub cache_keys: MacKeys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGen>,
    /// The witness of what the service does by itself.
    pub system: System,
    /// The tasks of its writes and exports; whoever runs the service waits for them.
    pub tasks: TaskTracker,
}

/// Why the service cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The decision log cannot be opened.
    #[error(transparent)]
    DecisionLog(#[from] DecisionLogError),
    /// The shared cache cannot be set up.
    #[error(transparent)]
    SharedCache(#[from] RedisSetupError),
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps")
            .field("config", &self.config)
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

/// The service, ready to be served.
#[derive(Clone)]
pub struct AuthorizationService {
    deps: Deps,
    store: SqlStore,
    replica: Arc<Replica>,
    log: DecisionLog,
    hub: Arc<Hub>,
    /// Taken by the first start.
    writer: Arc<Mutex<Option<Writer>>>,
    /// Calls that were refused, for the audit log.
    attempts: Attempts,
}

impl std::fmt::Debug for AuthorizationService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuthorizationService({:?})", self.deps)
    }
}

/// Makes what was written here visible here before the writer answers.
struct Visible(Arc<Replica>);

#[async_trait]
impl OnCommit for Visible {
    async fn committed(&self, done: &Committed) {
        for (root, revision) in &done.revisions {
            self.0.applied(root, *revision).await;
        }
    }
}

/// Puts the service together.
///
/// # Errors
/// The decision log cannot be opened, or the settings of the shared cache are wrong.
pub async fn build(deps: Deps) -> Result<AuthorizationService, BuildError> {
    let seed = deps.ids.uuid().as_u64_pair().1;
    let (log, writer) = DecisionLog::open(&deps.config.decision_log, Arc::clone(&deps.clock), seed)?;
    let source = Arc::new(SqlSource::new(deps.db.clone()));
    let shared = shared_cache(&deps)?;
    let replica = Replica::new(
        source.clone(),
        shared,
        source,
        Arc::clone(&deps.clock),
        deps.config.replica(),
    );
    let store = SqlStore::new(deps.db.clone()).with_hook(Arc::new(Visible(Arc::clone(&replica))));
    // The first poll finds the end of the outbox: only then is there anything to answer from.
    if let Err(error) = replica.poll().await {
        tracing::warn!(error = %error, "cannot poll the outbox yet; retrying");
    }
    let hub = Hub::new(deps.db.clone(), deps.config.watch.clone());
    Ok(AuthorizationService {
        deps,
        store,
        replica,
        log,
        hub,
        writer: Arc::new(Mutex::new(writer)),
        attempts: Attempts::default(),
    })
}

/// The shared cache, where one is configured. It holds no truth: the service also runs while it is away.
fn shared_cache(deps: &Deps) -> Result<Option<Arc<dyn SharedCache>>, BuildError> {
    let Some(settings) = deps.config.redis.settings()? else {
        return Ok(None);
    };
    let redis = RedisCache::new(settings, deps.cache_keys.clone(), Arc::clone(&deps.clock))?;
    Ok(Some(Arc::new(redis)))
}

/// Counts data of lost histories.
async fn count(mut contradictions: watch::Receiver<u64>) {
    let all = metrics::counter(
        "bailiwick_history_contradictions_total",
        "Accounts dropped because what was cached contradicts the history that the database has now.",
    );
    let mut counted = 0;
    loop {
        let now = *contradictions.borrow_and_update();
        all.inc_by(now - counted);
        counted = now;
        if contradictions.changed().await.is_err() {
            return;
        }
    }
}

impl AuthorizationService {
    /// The gRPC services. Streams that have no end of their own end with `stop`.
    #[must_use]
    pub fn services(&self, guard: Guard, stop: CancellationToken) -> Services {
        let api = Api {
            ports: Ports {
                store: Arc::new(self.store.clone()),
                clock: Arc::clone(&self.deps.clock),
                ids: Arc::clone(&self.deps.ids),
                limits: self.deps.config.limits,
            },
            fresh: Freshness::new(self.deps.db.clone(), self.deps.config.token_wait.get()),
            rights: self.rights(),
            replica: Arc::clone(&self.replica),
            tasks: Tasks::new(self.deps.tasks.clone()),
            guard: guard.noting(self.attempts.clone()),
        };
        let db = &self.deps.db;
        let exporter = Exporter {
            db: db.clone(),
            clock: Arc::clone(&self.deps.clock),
            spool: Spool::new(&self.deps.config.exports),
        };
        let lists = Arc::new(SqlLists(db.clone()));
        let followed = (Arc::clone(&self.hub), stop);
        grpc::services(&api, &self.replica, (lists, exporter), self.log.clone(), followed)
    }
    /// What callers may do in the suite, told by this service itself.
    #[must_use]
    pub fn rights(&self) -> Arc<dyn Rights> {
        Arc::new(ReplicaRights::consistent(Arc::clone(&self.replica)))
    }
    /// What decisions are made from.
    #[must_use]
    pub fn replica(&self) -> &Arc<Replica> {
        &self.replica
    }
    /// Whether decisions are made: the data is within the staleness bound.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.replica.is_fresh()
    }
    /// The present state, for the server of the feed.
    #[must_use]
    pub fn snapshot(&self) -> Arc<dyn SnapshotSource> {
        Arc::new(Snapshot::new(self.deps.db.clone()))
    }
    /// The database, for the server of the feed.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.deps.db
    }
    /// Starts what runs beside the methods, until `stop` is cancelled: the replica, and what follows the
    /// other services.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let (replica, hints, until) = (Arc::clone(&self.replica), self.hints(tasks, stop), stop.clone());
        tasks.spawn(replica.run(hints, until));
        let (contradictions, until) = (self.replica.contradictions(), stop.clone());
        tasks.spawn(async move {
            until.run_until_cancelled(count(contradictions)).await;
        });
        tasks.spawn(run_until(Arc::clone(&self.hub), stop.clone()));
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            tasks.spawn(writer.run(stop.clone()));
        }
        let recording = record_attempts(self.deps.db.clone(), self.attempts.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(recording));
        let tools = Tools {
            products: self.store.products(),
            clock: Arc::clone(&self.deps.clock),
            ids: Arc::clone(&self.deps.ids),
            system: self.deps.system.clone(),
        };
        let identity = IdentitySink { tools: tools.clone() };
        self.follow(
            tasks,
            stop,
            Service::Tenancy,
            self.deps.tenancy.clone(),
            Arc::new(TenancySink(tools)),
        );
        self.follow(
            tasks,
            stop,
            Service::Identity,
            self.deps.identity.clone(),
            Arc::new(identity),
        );
        let (db, keep, until) = (
            self.deps.db.clone(),
            self.deps.config.feed_retention.get(),
            stop.clone(),
        );
        tasks.spawn(async move {
            until.run_until_cancelled(retain(db, keep)).await;
        });
        let (service, until) = (self.clone(), stop.clone());
        tasks.spawn(async move {
            until.run_until_cancelled(service.forget()).await;
        });
        let (db, until) = (self.deps.db.clone(), stop.clone());
        tasks.spawn(async move {
            until.run_until_cancelled(keep_counted(db, COUNTED)).await;
        });
    }
    fn follow(
        &self,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        source: Service,
        peer: Peer,
        sink: Arc<dyn FeedSink>,
    ) {
        let rng: Arc<dyn Rng> = Arc::new(SystemRng);
        let feed = Arc::new(GrpcFeedSource::new(source, peer));
        let follower = Follower::new(FollowerConfig::new(source, rng), self.deps.db.clone(), feed, sink);
        let until = stop.clone();
        tasks.spawn(async move {
            until.run_until_cancelled(follower.run()).await;
        });
    }
    /// Changes with every commit that this process makes or hears of.
    fn hints(&self, tasks: &TaskTracker, stop: &CancellationToken) -> watch::Receiver<u64> {
        let (mut own, mut all) = (self.deps.db.commits(), self.deps.db.sequencings());
        let (tell, hints) = watch::channel(0);
        let until = stop.clone();
        tasks.spawn(async move {
            loop {
                let heard = tokio::select! {
                    () = until.cancelled() => return,
                    heard = own.changed() => heard,
                    heard = all.changed() => heard,
                };
                if heard.is_err() {
                    return;
                }
                tell.send_modify(|n| *n += 1);
            }
        });
        hints
    }
    /// Forgets answers that nobody asks for again.
    async fn forget(&self) {
        let retention = self.deps.config.request_retention.get();
        let pause = retention.min(std::time::Duration::from_hours(1));
        loop {
            tokio::time::sleep(pause).await;
            let age = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
            let before = self.deps.clock.now().0.saturating_sub(age);
            if let Err(error) = self.forget_before(before).await {
                tracing::warn!(error = error.detail(), "old answers could not be removed");
            }
        }
    }
    async fn forget_before(&self, before: i64) -> Result<(), Error> {
        let tx = self.deps.db.begin_write(&[]).await?;
        let sql = "DELETE FROM idempotency WHERE created_at < $1";
        execute(tx.conn(), sql, vec![before.into()]).await?;
        tx.commit().await?;
        Ok(())
    }
}
