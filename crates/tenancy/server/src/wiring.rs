//! Builds the service.

use std::sync::Arc;

use bailiwick_feed::{Freshness, GrpcFeedSource, SnapshotSource, record_attempts, retain};
use bailiwick_rpc::{Attempts, Guard, Peer, Services, Tasks, metrics};
use bailiwick_sql::{
    Db,
    follow::{FeedSource, Follower, FollowerConfig},
    usage::keep_counted,
};
use bailiwick_tenancy_core::{Tenancy, closing::Closing, moving::Moving, peer::Authorization};
use bailiwick_types::{Clock, IdGen, Rng, Service, StoreError, System, Timestamp};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Api, AuditFollower, AuditSecrets, AuditStore, ProductSink, RemoteAuthorization, SqlStore, TenancyConfig,
    TenancySnapshot,
    audit::{AuditLog, Exporter},
    grpc,
    store::COUNTED,
    work,
};

/// What the service needs.
#[derive(Clone)]
pub struct Deps {
    /// Its configuration.
    pub config: TenancyConfig,
    /// Its database, connected, with its schema.
    pub db: Db,
    /// The authorization service: see [`Deps::remote`].
    pub authorization: Arc<dyn Authorization>,
    /// Authorization's feed: see [`Deps::remote`].
    pub products: Arc<dyn FeedSource>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGen>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// The tracker of writes; a drain waits for them.
    pub tasks: TaskTracker,
    /// The right of the follower and the workers.
    pub system: System,
    /// What the audit log needs.
    pub audit: AuditDeps,
}

/// What the audit log needs.
#[derive(Debug, Clone)]
pub struct AuditDeps {
    /// The secrets of the deployment.
    pub secrets: AuditSecrets,
    /// The feeds of the services that it follows.
    pub feeds: AuditFeeds,
}

/// Feeds, with the service that each is of.
#[derive(Clone, Default)]
pub struct AuditFeeds(pub Vec<(Service, Arc<dyn FeedSource>)>);

bailiwick_types::debug_fields!(AuditFeeds {});

bailiwick_types::debug_fields!(Deps { config, db });

impl Deps {
    /// The authorization service and its feed, reached by gRPC.
    #[must_use]
    pub fn remote(authorization: Peer) -> (Arc<dyn Authorization>, Arc<dyn FeedSource>) {
        let feed = GrpcFeedSource::new(Service::Authorization, authorization.clone());
        (Arc::new(RemoteAuthorization::new(authorization)), Arc::new(feed))
    }
}

/// The service, ready to be served.
#[derive(Debug, Clone)]
pub struct TenancyService {
    deps: Deps,
    tenancy: Tenancy,
    audit: AuditStore,
    entries: metrics::IntCounter,
    /// Calls that were refused, for the audit log.
    attempts: Attempts,
}

/// Builds the service.
#[must_use]
pub fn build(deps: Deps) -> TenancyService {
    let tenancy = Tenancy {
        store: Arc::new(SqlStore::new(deps.db.clone())),
        authorization: Arc::clone(&deps.authorization),
        clock: Arc::clone(&deps.clock),
        ids: Arc::clone(&deps.ids),
        limits: deps.config.limits,
    };
    let audit = AuditStore::new(deps.db.clone(), deps.audit.secrets.clone(), Arc::clone(&deps.rng));
    TenancyService {
        deps,
        tenancy,
        audit,
        entries: metrics::counter(
            "bailiwick_tenancy_audit_entries_total",
            "Entries that were added to the audit log.",
        ),
        attempts: Attempts::default(),
    }
}

impl TenancyService {
    /// The methods.
    #[must_use]
    pub fn api(&self, guard: Guard) -> Api {
        Api {
            tenancy: self.tenancy.clone(),
            fresh: Freshness::new(self.deps.db.clone(), self.deps.config.token_wait.get()),
            tasks: Tasks::new(self.deps.tasks.clone()),
            guard: guard.noting(self.attempts.clone()),
            audit: AuditLog {
                log: Arc::new(self.audit.clone()),
                exporter: Exporter::new(&self.deps.config.audit, self.deps.audit.secrets.clone()),
            },
        }
    }
    /// The gRPC services.
    #[must_use]
    pub fn services(&self, guard: Guard) -> Services {
        grpc::services(self.api(guard))
    }
    /// The current state, for the server of the feed.
    #[must_use]
    pub fn snapshot(&self) -> Arc<dyn SnapshotSource> {
        Arc::new(TenancySnapshot::new(self.deps.db.clone()))
    }
    /// The database, for the server of the feed.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.deps.db
    }
    /// The follower of authorization's feed; [`Self::start`] runs it.
    #[must_use]
    pub fn follower(&self) -> Follower {
        let config = FollowerConfig::new(Service::Authorization, Arc::clone(&self.deps.rng));
        Follower::new(
            config,
            self.deps.db.clone(),
            Arc::clone(&self.deps.products),
            Arc::new(ProductSink::new(self.deps.system.clone())),
        )
    }
    fn closings(&self) -> work::Closings {
        work::Closings {
            tenancy: self.tenancy.clone(),
            system: self.deps.system.clone(),
            config: self.deps.config.clone(),
        }
    }
    /// Finishes interrupted closings once; [`Self::start`] does so at intervals.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn finish_closings(&self) -> Result<(), StoreError> {
        self.closings().round().await
    }
    /// Closings that began up to an instant and are not finished, oldest first, at most `limit`.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn open_closings(&self, until: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError> {
        let mut read = self
            .tenancy
            .store
            .read_all(self.deps.system.all_accounts())
            .await?;
        read.unfinished(until, limit).await
    }
    /// Moves that began up to an instant and are not finished, oldest first, at most `limit`.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn open_moves(&self, until: Timestamp, limit: u64) -> Result<Vec<Moving>, StoreError> {
        let all = self.deps.system.all_accounts();
        let mut read = self.tenancy.store.read_all(all).await?;
        read.unfinished_moves(until, None, limit).await
    }
    /// The followers of the feeds for the audit log; [`Self::start`] runs them.
    #[must_use]
    pub fn audit_followers(&self) -> Vec<AuditFollower> {
        let feeds = self.deps.audit.feeds.0.iter();
        feeds
            .map(|(source, feed)| AuditFollower {
                source: *source,
                feed: Arc::clone(feed),
                store: self.audit.clone(),
                entries: self.entries.clone(),
            })
            .collect()
    }
    /// The store of the audit log.
    #[must_use]
    pub fn audit(&self) -> &AuditStore {
        &self.audit
    }
    /// Starts the background work, until `stop` is cancelled.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let Deps {
            config, db, clock, ..
        } = &self.deps;
        let (follower, closings) = (self.follower(), self.closings());
        let purge = work::purge_requests(
            SqlStore::new(db.clone()),
            self.deps.system.clone(),
            Arc::clone(clock),
            config.request_retention.get(),
        );
        let retain = retain(db.clone(), config.feed_retention.get());
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { follower.run().await }),
        );
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { closings.run().await }),
        );
        tasks.spawn(stop.clone().run_until_cancelled_owned(purge));
        tasks.spawn(stop.clone().run_until_cancelled_owned(retain));
        let store = self.audit.clone();
        let renew = async move {
            if let Err(error) = store.renew().await {
                tracing::warn!(error = %error.detail(), "cannot renew keys and heads of the audit log");
            }
        };
        tasks.spawn(stop.clone().run_until_cancelled_owned(renew));
        for follower in self.audit_followers() {
            tasks.spawn(
                stop.clone()
                    .run_until_cancelled_owned(async move { follower.run().await }),
            );
        }
        let recording = record_attempts(db.clone(), self.attempts.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(recording));
        let counted = keep_counted(db.clone(), COUNTED);
        tasks.spawn(stop.clone().run_until_cancelled_owned(counted));
    }
}
