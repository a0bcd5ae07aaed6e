//! The three databases, and who follows whom.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use bailiwick_authorization_server::{self as authorization, reconcile::Reconciler};
use bailiwick_feed::{Known, LocalFeedSource, SnapshotSource};
use bailiwick_identity_server::{self as identity, reconcile::Disablings};
use bailiwick_rpc::MacKeys;
use bailiwick_sql::{Db, follow::FeedSource};
use bailiwick_tenancy_server::{self as tenancy, ProductSink, TenancySnapshot};
use bailiwick_types::{Authority, Clock, IdGen, Rng, Service, SystemClock, SystemIds, SystemRng};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{
    finding::Findings,
    intents::{Closer, Intents},
    link::Link,
    strays,
};
use crate::{
    config::Config,
    suite::databases::{self, Purpose},
};

/// How long changes have to arrive that are made while the command mends.
const ARRIVAL: Duration = Duration::from_secs(1);

/// The databases of a suite, to be compared.
pub(super) struct Suite {
    databases: Vec<Db>,
    /// Authorization's products in tenancy, identity's and tenancy's state in authorization: service accounts
    /// are of accounts, so that tenancy comes first.
    links: Vec<Link>,
    intents: Intents,
    strays: authorization::Strays,
}

impl Suite {
    /// Connects to the databases.
    pub(super) async fn open(config: &Config) -> Result<Self> {
        for service in Service::ALL {
            databases::must_exist(config, service)?;
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut databases = Vec::new();
        for service in Service::ALL {
            let db = databases::connect(config, service, Purpose::Command, clock.clone()).await?;
            databases::prepare(&db, config, service).await?;
            databases.push(db);
        }
        let of = |service: Service| {
            let db = databases.iter().find(|db| db.service() == service);
            db.cloned().context("a service has no database")
        };
        let (users, places, rights) = (
            of(Service::Identity)?,
            of(Service::Tenancy)?,
            of(Service::Authorization)?,
        );
        let system = Authority::establish().system;
        let ids: Arc<dyn IdGen> = Arc::new(SystemIds);
        let rng: Arc<dyn Rng> = Arc::new(SystemRng);
        let reconciler = Reconciler::new(rights.clone(), clock.clone(), ids.clone(), system.clone());
        let closer = Arc::new(Closer {
            authorization: reconciler.clone(),
            identity: users.clone(),
        });
        let products = Arc::new(authorization::Snapshot::new(rights.clone()));
        let service = tenancy::build(tenancy::Deps {
            config: config.tenancy.clone(),
            db: places.clone(),
            authorization: closer.clone(),
            products: feed(&rights, products.clone()),
            clock: clock.clone(),
            ids: ids.clone(),
            rng: rng.clone(),
            tasks: TaskTracker::new(),
            system: system.clone(),
            audit: tenancy::AuditDeps {
                // It adds no entry, and so signs and seals nothing.
                secrets: tenancy::AuditSecrets {
                    keys: MacKeys::of_this_process(bailiwick_rpc::Purpose::AuditLog),
                    sealing: Vec::new(),
                },
                feeds: tenancy::AuditFeeds(vec![(
                    Service::Identity,
                    feed(&users, Arc::new(identity::Snapshot::new(users.clone()))),
                )]),
            },
        });
        let disablings = Disablings::new(identity::Deps {
            config: config.identity.clone(),
            issuer: config.auth.issuer.clone(),
            // It writes no mail.
            mail_secrets: Vec::new(),
            db: users.clone(),
            members: closer.clone(),
            closer: closer.clone(),
            roles: closer,
            system: system.clone(),
            tasks: TaskTracker::new(),
            clock: clock.clone(),
            ids,
            rng: rng.clone(),
        })?;
        let mut links = vec![Link {
            owner: rights.clone(),
            follower: places.clone(),
            known: products,
            comparison: Arc::new(ProductSink::new(system)),
            following: service.follower(),
        }];
        let owners: [(&Db, Arc<dyn Known>); 2] = [
            (&places, Arc::new(TenancySnapshot::new(places.clone()))),
            (&users, Arc::new(identity::Snapshot::new(users.clone()))),
        ];
        for (owner, known) in owners {
            let comparison = reconciler.comparison(owner.service());
            let source = feed(owner, known.clone());
            let following = reconciler.follower(owner.service(), source, rng.clone());
            let (comparison, following) = comparison
                .zip(following)
                .context("authorization follows itself")?;
            links.push(Link {
                owner: owner.clone(),
                follower: rights.clone(),
                known,
                comparison,
                following,
            });
        }
        Ok(Self {
            intents: Intents {
                tenancy: service,
                identity: disablings,
                clock,
            },
            strays: reconciler.strays(),
            links,
            databases,
        })
    }
    /// Finds what differs; changes that are on their way have that time to arrive.
    pub(super) async fn look(&self, wait: Duration) -> Result<Findings> {
        let until = Instant::now() + wait;
        let mut found = Findings::default();
        for link in &self.links {
            link.look(until, &mut found).await?;
        }
        self.intents.look(&mut found).await?;
        strays::look(&self.strays, self.of_identity()?, &mut found).await?;
        Ok(found)
    }
    /// Mends what differs: the owner's data wins.
    pub(super) async fn mend(&self, remove_unknown: bool) -> Result<()> {
        self.catch_up().await?;
        self.intents.finish().await?;
        self.catch_up().await?;
        for link in &self.links {
            // Twice: with running services, something may be on its way.
            let (mut once, mut left) = (Findings::default(), Findings::default());
            link.look(Instant::now() + ARRIVAL, &mut once).await?;
            if once.is_empty() {
                continue;
            }
            link.look(Instant::now() + ARRIVAL, &mut left).await?;
            if left.seen_in(&once).is_mended_by_reading() {
                // Following has not brought it, so that what is kept is of a history that the owner does not
                // have. The snapshot of a new one overwrites everything.
                let rotated = link.owner.rotate_epoch().await;
                rotated.with_context(|| format!("cannot begin a new epoch of {}", link.owner.service()))?;
                link.catch_up().await?;
            }
        }
        if remove_unknown {
            strays::remove(&self.strays, self.of_identity()?).await?;
        }
        self.catch_up().await
    }
    /// Destroys the keys of persons that identity says are gone, in tenancy's audit log: a database that was
    /// restored has them again.
    pub(super) async fn replay_deletions(&self) -> Result<usize> {
        let mut destroyed = 0;
        for follower in self.intents.tenancy.audit_followers() {
            destroyed += follower.replay_deletions().await?;
        }
        Ok(destroyed)
    }
    async fn catch_up(&self) -> Result<()> {
        for link in &self.links {
            link.catch_up().await?;
        }
        Ok(())
    }
    fn of_identity(&self) -> Result<&Link> {
        let link = self
            .links
            .iter()
            .find(|link| link.owner.service() == Service::Identity);
        link.context("nothing follows identity")
    }
    /// Closes the connections.
    pub(super) async fn close(self) {
        for db in self.databases {
            db.close().await;
        }
    }
}

/// The feed of a service, read in its database.
fn feed(db: &Db, snapshot: Arc<dyn SnapshotSource>) -> Arc<dyn FeedSource> {
    Arc::new(LocalFeedSource::new(db.clone(), snapshot))
}
