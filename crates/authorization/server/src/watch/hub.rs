//! The one reader of the outbox for all followers of the process, and their places.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bailiwick_rpc::metrics::{self, IntGauge};
use bailiwick_sql::{Db, Error, Mark};
use bailiwick_types::{AccountId, Code, Fault, ProductName, Reason, ScopeRoot, Subject};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{WatchConfig, event::Row};
use crate::store::watch::Present;

/// Rows read by one query.
const ROWS: u32 = 256;
/// Rows that are kept for followers that are near the end.
const KEPT: usize = 2_048;
/// Events in those rows.
const KEPT_EVENTS: usize = 20_000;
/// Events in the rows that a follower holds; one row may have more.
const HELD_EVENTS: usize = 2_000;
/// Followers that read the database at once for themselves.
const READING: usize = 2;
/// How long the reader waits for something new before it asks again.
const WAIT: Duration = Duration::from_secs(5);
/// The pause after a failure of the database.
const PAUSE: Duration = Duration::from_millis(500);
/// Accounts whose product is remembered.
const REMEMBERED: usize = 100_000;
/// When a follower may find a place.
const AGAIN: Duration = Duration::from_secs(5);

/// Why there is no place for a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("the caller follows too much at once; the limit is `authorization.watch.of_one_caller`")]
    Caller,
    #[error("too many followers at once; the limit is `authorization.watch.at_once`")]
    Process,
}

impl Fault for Full {
    fn code(&self) -> Code {
        Code::ResourceExhausted
    }
    fn reason(&self) -> Reason {
        Reason::Overloaded
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(AGAIN)
    }
}

/// The newest rows.
struct Window {
    /// Where it begins: what is after this is in it.
    base: Option<Mark>,
    /// Where it ends.
    end: Option<Mark>,
    rows: VecDeque<Arc<Row>>,
    events: usize,
}

/// What a follower finds.
pub(super) enum Found {
    /// Rows after its place, in order; none where it is at the end.
    Rows(Vec<Arc<Row>>),
    /// It is behind what is kept, or of another history: it has to read for itself.
    Elsewhere,
}

/// Reads the outbox for all followers.
pub(crate) struct Hub {
    db: Db,
    config: WatchConfig,
    window: Mutex<Window>,
    /// Changes with each read that found something.
    news: watch::Sender<u64>,
    /// How many follow.
    followers: watch::Sender<usize>,
    callers: Mutex<HashMap<Subject, usize>>,
    reading: Semaphore,
    products: Mutex<HashMap<AccountId, ProductName>>,
    count: IntGauge,
}

/// The place of a follower; it is free again when this is dropped.
pub(crate) struct Slot {
    hub: Arc<Hub>,
    caller: Subject,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut callers = lock(&self.hub.callers);
        if let Some(own) = callers.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                callers.remove(&self.caller);
            }
        }
        drop(callers);
        self.hub.followers.send_modify(|all| *all -= 1);
        self.hub.count.dec();
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(crate) fn new(db: Db, config: WatchConfig) -> Arc<Self> {
        Arc::new(Self {
            db,
            config,
            window: Mutex::new(Window {
                base: None,
                end: None,
                rows: VecDeque::new(),
                events: 0,
            }),
            news: watch::Sender::new(0),
            followers: watch::Sender::new(0),
            callers: Mutex::default(),
            reading: Semaphore::new(READING),
            products: Mutex::default(),
            count: metrics::gauge(
                "bailiwick_authorization_watchers",
                "Streams that follow a product or an account.",
            ),
        })
    }

    /// A place for a follower.
    pub(crate) fn enter(self: &Arc<Self>, caller: &Subject) -> Result<Slot, Full> {
        let mut callers = lock(&self.callers);
        if *self.followers.borrow() >= self.config.at_once {
            return Err(Full::Process);
        }
        if callers
            .get(caller)
            .is_some_and(|own| *own >= self.config.of_one_caller)
        {
            return Err(Full::Caller);
        }
        *callers.entry(caller.clone()).or_default() += 1;
        self.followers.send_modify(|all| *all += 1);
        self.count.inc();
        Ok(Slot {
            hub: Arc::clone(self),
            caller: caller.clone(),
        })
    }

    /// Reads the outbox while somebody follows, until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut followers = self.followers.subscribe();
        while followers.wait_for(|all| *all > 0).await.is_ok() {
            if let Err(error) = self.read_while_followed().await {
                self.forget();
                match error {
                    // Another history: each follower finds out for itself.
                    Error::Cursor(why) => tracing::info!(why = %why, "the outbox is followed anew"),
                    error => {
                        tracing::warn!(error = %error.detail(), "the outbox cannot be followed; retrying");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }
    async fn read_while_followed(&self) -> Result<(), Error> {
        let feed = self.db.feed();
        let mut at = feed.settled_mark().await?;
        self.begin(&at);
        while *self.followers.borrow() > 0 {
            let batch = feed.read_on(&at, ROWS).await?;
            let rows: Vec<Arc<Row>> = batch.rows.iter().filter_map(Row::of).map(Arc::new).collect();
            if let Some(last) = batch.rows.last().and_then(|row| Mark::after(&batch.epoch, row)) {
                at = last;
                self.append(rows, &at);
            } else {
                feed.wait(at.cursor.position, WAIT).await?;
            }
        }
        self.forget();
        Ok(())
    }
    fn begin(&self, at: &Mark) {
        let mut window = lock(&self.window);
        window.rows.clear();
        window.events = 0;
        window.base = Some(at.clone());
        window.end = Some(at.clone());
        drop(window);
        self.news.send_modify(|n| *n += 1);
    }
    fn forget(&self) {
        let mut window = lock(&self.window);
        window.rows.clear();
        window.events = 0;
        window.base = None;
        window.end = None;
    }
    fn append(&self, rows: Vec<Arc<Row>>, end: &Mark) {
        let mut window = lock(&self.window);
        for row in rows {
            window.events += row.events.len();
            window.rows.push_back(row);
        }
        while window.rows.len() > KEPT || window.events > KEPT_EVENTS {
            let Some(row) = window.rows.pop_front() else { break };
            window.events -= row.events.len();
            if let Some(base) = &mut window.base {
                base.cursor.position = row.position;
                base.stamp = Some(row.stamp);
            }
        }
        window.end = Some(end.clone());
        drop(window);
        self.news.send_modify(|n| *n += 1);
    }

    /// Changes when there is something new.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
    /// The rows after a place, as far as they are kept.
    pub(super) fn after(&self, at: &Mark) -> Found {
        let window = lock(&self.window);
        let (Some(base), Some(end)) = (&window.base, &window.end) else {
            return Found::Elsewhere;
        };
        let position = at.cursor.position;
        if at.cursor.epoch != base.cursor.epoch
            || position < base.cursor.position
            || position > end.cursor.position
        {
            return Found::Elsewhere;
        }
        // What is at the place in this history has to be what the follower saw there.
        let first = window.rows.partition_point(|row| row.position <= position);
        let here = match first.checked_sub(1).and_then(|n| window.rows.get(n)) {
            Some(row) => Some(row.stamp),
            None => base.stamp,
        };
        if at.stamp.is_some() && here.is_some() && at.stamp != here {
            return Found::Elsewhere;
        }
        Found::Rows(some(window.rows.iter().skip(first).cloned()))
    }
    /// Reads the rows after a place, for a follower that is behind. Its place is refused where the history is
    /// another.
    pub(super) async fn read(&self, at: &Mark) -> Result<Vec<Arc<Row>>, Error> {
        let _turn = self.turn().await;
        let tx = self.db.begin_read_across().await?;
        let batch = tx.read_on(at, ROWS).await?;
        Ok(some(batch.rows.iter().filter_map(Row::of).map(Arc::new)))
    }
    /// Waits for a turn to read the database: others wait for theirs, decisions do not.
    pub(super) async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        self.reading.acquire().await.ok()
    }
    /// Whether the database still has the history that a place is of.
    pub(crate) async fn check(&self, at: &Mark) -> Result<(), Error> {
        let _turn = self.turn().await;
        let tx = self.db.begin_read_across().await?;
        tx.read_on(at, 1).await.map(drop)
    }
    /// Where the outbox ends now.
    pub(crate) async fn end(&self) -> Result<Mark, Error> {
        self.db.feed().settled_mark().await
    }
    pub(crate) fn present(&self) -> Present {
        Present(self.db.clone())
    }
    /// Whether a root is of a product. An account never changes its product.
    pub(super) async fn is_of(&self, root: &ScopeRoot, product: &ProductName) -> Result<bool, Error> {
        let account = match root {
            ScopeRoot::Product(name) => return Ok(name == product),
            ScopeRoot::Account(account) => *account,
            ScopeRoot::Deployment | ScopeRoot::User(_) => return Ok(false),
        };
        if let Some(known) = lock(&self.products).get(&account) {
            return Ok(known == product);
        }
        // One that is not known yet is told of with the change that makes it known.
        let Some(found) = self.present().product_of(account).await? else {
            return Ok(false);
        };
        let is_own = found == *product;
        let mut products = lock(&self.products);
        if products.len() >= REMEMBERED {
            products.clear();
        }
        products.insert(account, found);
        Ok(is_own)
    }
}

/// The first of these rows: as many as a follower holds.
fn some(rows: impl Iterator<Item = Arc<Row>>) -> Vec<Arc<Row>> {
    let mut events = 0;
    rows.take(ROWS as usize)
        .take_while(|row| {
            let is_near = events < HELD_EVENTS;
            events += row.events.len();
            is_near
        })
        .collect()
}

/// Runs a hub until it is stopped.
pub(crate) async fn run_until(hub: Arc<Hub>, stop: CancellationToken) {
    stop.run_until_cancelled(hub.run()).await;
}
