//! A replica: what one process knows of authorization's data, and how it knows that it is true.
//!
//! For each account it keeps a *watermark* (every change up to it has been applied here, in order), a *base*
//! (every change since it has been seen here) and the last change of each part since the base. A question is
//! answered at one watermark from parts that are all valid at it ([`changes`] says when a part is). The
//! primary is read through [`Source`](crate::Source) alone, so that a simulation can stand in for it.

mod changes;
mod consistency;
mod entry;
mod fill;
mod flight;
mod gather;
mod load;
mod poll;
mod ready;
mod restored;
mod trail;

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bailiwick_types::{AccountId, Clock, ProductName};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::Instant,
};

pub(crate) use consistency::Demand;
pub use consistency::{AccountRead, Arrivals, Arrived, Consistency, NoArrivals};
use entry::Account;
pub(crate) use gather::{AccountView, LocalParts};
pub(crate) use ready::Ready;

use crate::{Epoch, SharedCache, Source};

/// Bounds and intervals of a replica.
#[derive(Debug, Clone)]
pub struct ReplicaConfig {
    /// The staleness bound: the greatest age of the data that decisions are made from.
    pub staleness: Duration,
    /// How often the primary is polled without a hint.
    pub poll_interval: Duration,
    /// The greatest number of bytes for all accounts together, parts included.
    pub memory: usize,
    /// The greatest number of accounts.
    pub accounts: usize,
    /// The greatest number of parts of an account whose last change is remembered.
    pub changes: usize,
    /// The greatest number of concurrent reads of parts and accounts.
    pub reads: usize,
    /// How long to wait for the state that a token asks for where the request has no deadline.
    pub patience: Duration,
    /// The time limit of a request without deadline.
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

/// The state of polling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Polls {
    /// Polls that reached the end and were applied.
    done: u64,
    /// Polls that failed since the last that did not.
    failing: u64,
}

/// What one process knows of authorization's data.
pub struct Replica {
    pub(crate) source: Arc<dyn Source>,
    shared: Option<Arc<dyn SharedCache>>,
    arrivals: Arc<dyn Arrivals>,
    pub(crate) clock: Arc<dyn Clock>,
    config: ReplicaConfig,
    accounts: papaya::HashMap<AccountId, Arc<Account>>,
    /// Guards the change of the epoch: reads of two histories never mix.
    epoch: RwLock<Option<Epoch>>,
    /// The products that accounts here have had.
    products: Mutex<HashSet<ProductName>>,
    /// When the last successful poll began: microseconds on the boot clock, plus one; 0 for never.
    polled_at: AtomicU64,
    polls: watch::Sender<Polls>,
    nudge: Notify,
    polling: tokio::sync::Mutex<()>,
    reads: Semaphore,
    /// Counts up as time passes, for the order in which accounts were used.
    step: AtomicU64,
    weight: AtomicUsize,
    /// How often data of a lost history was found.
    contradictions: watch::Sender<u64>,
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("source", &self.source)
            .field("config", &self.config)
            .field("accounts", &self.accounts())
            .finish_non_exhaustive()
    }
}

impl Replica {
    /// An empty replica. It answers once it has polled the primary ([`Replica::run`] or [`Replica::poll`]).
    #[must_use]
    pub fn new(
        source: Arc<dyn Source>,
        shared: Option<Arc<dyn SharedCache>>,
        arrivals: Arc<dyn Arrivals>,
        clock: Arc<dyn Clock>,
        config: ReplicaConfig,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            shared,
            arrivals,
            clock,
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
            contradictions: watch::Sender::new(0),
            config,
        })
    }

    /// The number of accounts that are known or being read.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// Bytes held for accounts and parts, as last counted.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight.load(Ordering::Relaxed)
    }

    /// The time since the last successful poll of the primary began; `None` before the first one.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let polled = self.polled_at.load(Ordering::Acquire).checked_sub(1)?;
        Some(
            self.clock
                .boottime()
                .saturating_sub(Duration::from_micros(polled)),
        )
    }

    /// When a request is over: at its deadline, at the latest after the configured limit.
    #[must_use]
    pub fn until(&self, deadline: Option<Instant>) -> Instant {
        let longest = Instant::now() + self.config.deadline;
        deadline.map_or(longest, |deadline| deadline.min(longest))
    }

    pub(crate) fn known_account(&self, id: AccountId) -> Option<Arc<Account>> {
        self.accounts.pin().get(&id).cloned()
    }

    /// Notes which product accounts have here. Each account keeps the one that it was read with: after a
    /// restore, the same version may be another manifest.
    fn note_product(&self, name: &ProductName) {
        let mut products = self.products.lock().unwrap_or_else(PoisonError::into_inner);
        if !products.contains(name) {
            products.insert(name.clone());
        }
    }

    /// Notes the epoch that a read of the primary carried; another one than the known one drops everything.
    /// Returns whether the read may be used: its epoch is the known one, or the first.
    pub(crate) fn observe_epoch(&self, epoch: &Epoch) -> bool {
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
        tracing::warn!("the primary has another history: dropping all accounts");
        self.drop_all();
        // No answer before the feed is followed from a point of the new history.
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

    /// Drops one account: the next question about it loads it again.
    fn drop_account(&self, account: &Arc<Account>) {
        account.drop_state();
        let accounts = self.accounts.pin();
        let same = |_: &AccountId, entry: &Arc<Account>| Arc::ptr_eq(entry, account);
        if accounts
            .remove_if(&account.id, same)
            .is_ok_and(|removed| removed.is_some())
        {
            let weight = account.weight.swap(0, Ordering::Relaxed);
            self.subtract_weight(weight);
        }
    }

    fn subtract_weight(&self, by: usize) {
        // Saturating: the count may have been reset to zero meanwhile.
        let _ = self
            .weight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                Some(now.saturating_sub(by))
            });
    }
}
