//! Puts the service together.

use std::sync::Arc;

use bailiwick_feed::{Freshness, GrpcFeedSource, SnapshotSource, retain};
use bailiwick_rpc::{Guard, Peer, Services};
use bailiwick_sql::{
    Db,
    follow::{FeedSource, Follower, FollowerConfig},
};
use bailiwick_tenancy_core::{peer::Authorization, store::Store};
use bailiwick_types::{Clock, IdGen, Rng, Service};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    RemoteAuthorization, SqlStore, TenancyConfig, TenancySnapshot,
    follow::ProductSink,
    grpc::{self, Api},
    work,
};

/// What the service needs.
#[derive(Clone)]
pub struct Deps {
    /// Its configuration.
    pub config: TenancyConfig,
    /// Its database, connected, with its schema.
    pub db: Db,
    /// What is told to authorization before access is taken away: [`RemoteAuthorization`].
    pub authorization: Arc<dyn Authorization>,
    /// Authorization's feed: see [`Deps::remote`].
    pub products: Arc<dyn FeedSource>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGen>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Writes that must not be cut half-way run here; a drain waits for them.
    pub tasks: TaskTracker,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps")
            .field("config", &self.config)
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

impl Deps {
    /// What tenancy needs of authorization, reached by gRPC.
    #[must_use]
    pub fn remote(authorization: Peer) -> (Arc<dyn Authorization>, Arc<dyn FeedSource>) {
        let feed = GrpcFeedSource::new(Service::Authorization, authorization.clone());
        (Arc::new(RemoteAuthorization::new(authorization)), Arc::new(feed))
    }
}

/// The service, ready to be served.
#[derive(Clone)]
pub struct TenancyService {
    deps: Deps,
    store: Arc<dyn Store>,
}

impl std::fmt::Debug for TenancyService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenancyService({:?})", self.deps)
    }
}

/// Puts the service together.
#[must_use]
pub fn build(deps: Deps) -> TenancyService {
    let store = Arc::new(SqlStore::new(deps.db.clone()));
    TenancyService { deps, store }
}

impl TenancyService {
    /// The gRPC services.
    #[must_use]
    pub fn services(&self, guard: Guard) -> Services {
        let deps = &self.deps;
        grpc::services(Api {
            store: Arc::clone(&self.store),
            authorization: Arc::clone(&deps.authorization),
            clock: Arc::clone(&deps.clock),
            ids: Arc::clone(&deps.ids),
            fresh: Freshness::new(deps.db.clone(), deps.config.token_wait.get()),
            tasks: deps.tasks.clone(),
            guard,
        })
    }
    /// The present state, for the server of the feed.
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
            Arc::new(ProductSink),
        )
    }
    /// Starts what runs beside the methods, until `stop` is cancelled.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let follower = self.follower();
        let until = stop.clone();
        tasks.spawn(async move {
            until.run_until_cancelled(follower.run()).await;
        });
        let closings = work::Closings {
            store: Arc::clone(&self.store),
            authorization: Arc::clone(&self.deps.authorization),
            clock: Arc::clone(&self.deps.clock),
            config: self.deps.config.clone(),
        };
        let (db, retention, clock) = (
            self.deps.db.clone(),
            self.deps.config.request_retention.get(),
            Arc::clone(&self.deps.clock),
        );
        let (one, other) = (stop.clone(), stop.clone());
        tasks.spawn(async move {
            one.run_until_cancelled(closings.run()).await;
        });
        tasks.spawn(async move {
            other
                .run_until_cancelled(work::forget(db, clock, retention))
                .await;
        });
        let (db, keep, until) = (
            self.deps.db.clone(),
            self.deps.config.feed_retention.get(),
            stop.clone(),
        );
        tasks.spawn(async move {
            until.run_until_cancelled(retain(db, keep)).await;
        });
    }
}
