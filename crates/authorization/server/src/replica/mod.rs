//! A replica: what one process knows of authorization's data, and how it knows that it is true.
//!
//! Per account it keeps W (every change up to W is applied here, in order), B (every change since B has been seen) and
//! the last change of each part since B. A decision is made at one W from parts that are all valid at W; what a part is
//! and when it is valid is in [`crate::cache`] and in `changes`. Reads of the primary come through [`Source`], so that a
//! simulation can stand in its place.

mod account;
mod batch;
mod candidates;
mod changes;
mod consistency;
mod decide;
mod error;
mod explain;
mod fill;
mod flight;
mod gather;
mod lists;
mod load;
mod matrix;
mod plan;
mod poll;
mod question;
mod ready;
mod rights;
mod row;
mod source;
mod vector;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bailiwick_types::{AccountId, Clock, ProductName};
use tokio::sync::{Notify, Semaphore, watch};

use account::Account;
pub use candidates::{ResourcePage, ResourceQuestion};
pub use consistency::{Arrivals, Arrived, Consistency, NoArrivals};
pub use error::ReplicaError;
pub use matrix::Names;
pub use plan::{Planned, PlannedAlternative};
pub use question::{Answer, BatchQuestion, Decided, Explained, Question, QuestionError, TargetText};
pub use rights::{Claim, ConsistentRights, NearRights};
pub use row::{Event, Root, Row};
pub use source::{
    AccountOf, Bound, Content, Epoch, Loaded, Outline, OutlineOf, PartsRead, PolicyRows, Polled,
    ProductState, Read, Roots, Source, SourceError,
};
pub use vector::Vector;

use crate::cache::Second;

/// How a replica behaves.
#[derive(Debug, Clone)]
pub struct ReplicaConfig {
    /// The staleness bound: decisions are made from data that is at most so old.
    pub staleness: Duration,
    /// How often the primary is polled where no hint comes.
    pub poll_interval: Duration,
    /// Bytes for all accounts together, parts included.
    pub memory: usize,
    /// The greatest number of accounts.
    pub accounts: usize,
    /// Of how many parts of an account the last change is remembered.
    pub changes: usize,
    /// How many reads of parts and accounts may be under way at once.
    pub reads: usize,
    /// How long to wait for what a token asks, where the request has no deadline.
    pub patience: Duration,
    /// How long a request without deadline may take.
    pub deadline: Duration,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            staleness: Duration::from_secs(10),
            poll_interval: Duration::from_millis(500),
            memory: 256 << 20,
            accounts: 100_000,
            changes: 65_536,
            reads: 64,
            patience: Duration::from_millis(500),
            deadline: Duration::from_secs(5),
        }
    }
}

/// What polling has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Polls {
    /// Polls that reached the end and were applied.
    done: u64,
    /// Polls that failed since the last that did not.
    failing: u64,
}

/// What one process knows of authorization's data.
#[derive(Debug)]
pub struct Replica {
    source: Arc<dyn Source>,
    second: Option<Arc<dyn Second>>,
    arrivals: Arc<dyn Arrivals>,
    clock: Arc<dyn ReplicaClock>,
    config: ReplicaConfig,
    accounts: papaya::HashMap<AccountId, Arc<Account>>,
    /// Guards the change of the epoch: reads of two histories never mix.
    epoch: RwLock<Option<Epoch>>,
    /// Products that accounts share, by name.
    products: Mutex<HashMap<ProductName, Arc<ProductState>>>,
    /// When the last successful poll began: microseconds on the boot clock, plus one; 0 for never.
    polled_at: AtomicU64,
    polls: watch::Sender<Polls>,
    nudge: Notify,
    polling: tokio::sync::Mutex<()>,
    reads: Semaphore,
    /// Counts up as time passes, for the order in which accounts were used.
    step: AtomicU64,
    weight: AtomicUsize,
}

/// [`Clock`] with what a debug print needs.
pub trait ReplicaClock: Clock + std::fmt::Debug {}
impl<C: Clock + std::fmt::Debug> ReplicaClock for C {}

#[derive(Clone)]
struct Shown(Arc<dyn Clock>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Clock for Shown {
    fn now(&self) -> bailiwick_types::Timestamp {
        self.0.now()
    }
    fn boottime(&self) -> Duration {
        self.0.boottime()
    }
}

impl Replica {
    /// Makes a replica that knows nothing yet. It answers once it has been polled ([`Replica::run`] or
    /// [`Replica::poll`]).
    #[must_use]
    pub fn new(
        source: Arc<dyn Source>,
        second: Option<Arc<dyn Second>>,
        arrivals: Arc<dyn Arrivals>,
        clock: Arc<dyn Clock>,
        config: ReplicaConfig,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            second,
            arrivals,
            clock: Arc::new(Shown(clock)),
            accounts: papaya::HashMap::new(),
            epoch: RwLock::new(None),
            products: Mutex::default(),
            polled_at: AtomicU64::new(0),
            polls: watch::Sender::new(Polls::default()),
            nudge: Notify::new(),
            polling: tokio::sync::Mutex::default(),
            reads: Semaphore::new(config.reads.max(1)),
            step: AtomicU64::new(1),
            weight: AtomicUsize::new(0),
            config,
        })
    }

    /// Counts the accounts that are known or being read.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// Bytes held for accounts and parts, as counted last.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight.load(Ordering::Relaxed)
    }

    /// Since when nothing is known that the primary has not confirmed; `None` before the first poll.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let polled = self.polled_at.load(Ordering::Acquire).checked_sub(1)?;
        Some(
            self.clock
                .boottime()
                .saturating_sub(Duration::from_micros(polled)),
        )
    }

    fn find(&self, id: AccountId) -> Option<Arc<Account>> {
        self.accounts.pin().get(&id).cloned()
    }

    fn known_products(&self) -> Vec<Arc<ProductState>> {
        let products = self.products.lock().unwrap_or_else(PoisonError::into_inner);
        products.values().cloned().collect()
    }

    /// Remembers a product for other accounts of it; gives back the one that is shared where it is the same.
    fn share_product(&self, product: Arc<ProductState>) -> Arc<ProductState> {
        let mut products = self.products.lock().unwrap_or_else(PoisonError::into_inner);
        match products.get(&product.name) {
            Some(shared) if shared.manifest == product.manifest => Arc::clone(shared),
            Some(shared) if shared.manifest > product.manifest => product,
            _ => {
                products.insert(product.name.clone(), Arc::clone(&product));
                product
            }
        }
    }

    /// Notes the epoch that a read of the primary carried. One that is new drops everything; returns whether it was the
    /// known one.
    fn saw(&self, epoch: &Epoch) -> bool {
        {
            let known = self.epoch.read().unwrap_or_else(PoisonError::into_inner);
            if known.as_ref() == Some(epoch) {
                return true;
            }
        }
        let mut known = self.epoch.write().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() == Some(epoch) {
            return true;
        }
        let first = known.is_none();
        *known = Some(Arc::clone(epoch));
        if first {
            return true;
        }
        tracing::warn!("the primary has another history: everything is read anew");
        self.drop_all();
        // Nothing may be answered before the feed is followed from a point of the new history.
        self.polled_at.store(0, Ordering::Release);
        self.nudge.notify_one();
        false
    }

    /// Drops all accounts.
    fn drop_all(&self) {
        let accounts = self.accounts.pin();
        for account in accounts.values() {
            account.drop_state();
        }
        accounts.clear();
        self.products
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.weight.store(0, Ordering::Relaxed);
    }

    /// Drops one account: it loads anew when it is asked about.
    fn drop_account(&self, account: &Arc<Account>) {
        account.drop_state();
        let accounts = self.accounts.pin();
        let same = |_: &AccountId, found: &Arc<Account>| Arc::ptr_eq(found, account);
        if accounts
            .remove_if(&account.id, same)
            .is_ok_and(|removed| removed.is_some())
        {
            let weight = account.weight.swap(0, Ordering::Relaxed);
            self.lighter(weight);
        }
    }

    fn lighter(&self, by: usize) {
        // A count that has been reset meanwhile stays at zero.
        let _ = self
            .weight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                Some(now.saturating_sub(by))
            });
    }
}
