//! Follows the feed of a service for the audit log.
//!
//! It does not start from a snapshot, as followers of state do: a snapshot has no entries. It starts with the
//! oldest event that the feed still has, also after the feed began a new history; entries that are there
//! already are not added again. What is lost in between is told by an entry of its own.

use std::{sync::Arc, time::Duration};

use bailiwick_proto::events::v1::change::Change;
use bailiwick_rpc::metrics::IntCounter;
use bailiwick_sql::{
    Cursor, CursorRefused, Error,
    follow::{FeedSource, SourceError},
};
use bailiwick_types::{Service, UserId};

use super::convert::{deleted, steps};
use crate::{AuditStore, NewEntry, Step};

/// Events that are read at once.
const BATCH: u32 = 200;
/// How long a read waits for the next event.
const WAIT: Duration = Duration::from_secs(5);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);
/// Failures in a row that are told.
const WORTH_TELLING: u32 = 3;

/// The action of an entry about entries that are missing.
const GAP: &str = "audit.gap";

/// Follows the feed of one service.
#[derive(Clone)]
pub struct AuditFollower {
    pub(crate) source: Service,
    pub(crate) feed: Arc<dyn FeedSource>,
    pub(crate) store: AuditStore,
    pub(crate) entries: IntCounter,
}

bailiwick_types::debug_fields!(AuditFollower { source });

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The feed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The database.
    #[error("{}", .0.detail())]
    Store(#[from] Error),
}

impl AuditFollower {
    /// Follows for as long as it runs.
    pub async fn run(&self) {
        let mut failures = 0;
        loop {
            let Err(error) = self.round(WAIT).await else {
                failures = 0;
                continue;
            };
            failures += 1;
            if failures == WORTH_TELLING {
                let source = self.source;
                tracing::warn!(%source, %error, "cannot follow a feed for the audit log; retrying");
            }
            let pause = PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST);
            tokio::time::sleep(pause).await;
        }
    }
    /// Follows until everything is there that the feed has now.
    ///
    /// # Errors
    /// The feed or the database fails.
    pub async fn catch_up(&self) -> Result<(), AuditError> {
        let head = self.feed.head().await?;
        loop {
            let at = self.store.cursor(self.source).await?;
            let there = |at: &Cursor| at.epoch == head.epoch && at.position >= head.position;
            if at.as_ref().is_some_and(there) {
                return Ok(());
            }
            self.round(Duration::ZERO).await?;
        }
    }
    /// Reads what follows the cursor, waiting for it, and appends it.
    ///
    /// # Errors
    /// The feed or the database fails; what was read is read again.
    pub async fn round(&self, wait: Duration) -> Result<(), AuditError> {
        let Some(at) = self.store.cursor(self.source).await? else {
            return self.begin(None, None).await;
        };
        let events = match self.feed.read(&at, BATCH, wait).await {
            Ok(events) => events,
            Err(SourceError::Refused(why)) => return self.begin(Some(&at), Some(why)).await,
            Err(error) => return Err(error.into()),
        };
        if events.upto <= at.position {
            return Ok(());
        }
        let new = events.events.iter().flat_map(|event| steps(self.source, event));
        let to = Cursor {
            epoch: Arc::clone(&at.epoch),
            position: events.upto,
        };
        self.append(Some(&at), &to, new.collect()).await
    }

    async fn append(&self, from: Option<&Cursor>, to: &Cursor, steps: Vec<Step>) -> Result<(), AuditError> {
        let added = self.store.append(self.source, from, to, steps).await?;
        self.entries
            .inc_by(u64::try_from(added.unwrap_or(0)).unwrap_or(0));
        Ok(())
    }

    /// Begins at the oldest event that the feed has.
    async fn begin(&self, from: Option<&Cursor>, why: Option<CursorRefused>) -> Result<(), AuditError> {
        let head = self.feed.head().await?;
        let oldest = self.oldest(&head).await?;
        // Deletions that were in events which are not there any more.
        self.replay_deletions().await?;
        let mut steps = Vec::new();
        // After a restore events may be gone that were never read; at the first start those that were pruned.
        if oldest > 0 || from.is_some() {
            let mut bytes = [0; 16];
            self.store.random(&mut bytes);
            let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
            let now = self.store.db().clock().now();
            let mut gap = NewEntry::own(id, GAP, format!("service:{}", self.source), now);
            let facts = [
                ("reason", why.map(|why| why.to_string()).unwrap_or_default()),
                ("from", from.map_or(0, |from| from.position).to_string()),
                ("to", oldest.to_string()),
            ];
            gap.details = facts
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            steps.push(Step::Entry(Box::new(gap)));
        }
        let to = Cursor {
            epoch: head.epoch,
            position: oldest,
        };
        self.append(from, &to, steps).await
    }

    /// The position before the oldest event that the feed still has. Feeds only tell whether a position can
    /// be read on from, so it is found by halves.
    async fn oldest(&self, head: &Cursor) -> Result<u64, AuditError> {
        let readable = async |position: u64| {
            let at = Cursor {
                epoch: Arc::clone(&head.epoch),
                position,
            };
            match self.feed.read(&at, 1, Duration::ZERO).await {
                Ok(_) => Ok(true),
                Err(SourceError::Refused(CursorRefused::OlderThanRetention)) => Ok(false),
                Err(error) => Err(AuditError::from(error)),
            }
        };
        if readable(0).await? {
            return Ok(0);
        }
        let (mut pruned, mut kept) = (0, head.position);
        while kept - pruned > 1 {
            let middle = pruned + (kept - pruned) / 2;
            if readable(middle).await? {
                kept = middle;
            } else {
                pruned = middle;
            }
        }
        Ok(kept)
    }

    /// Destroys the keys of all users that identity says are gone: after a restore they are there again, and
    /// the events that destroyed them may not be.
    ///
    /// # Errors
    /// The feed or the database fails.
    pub async fn replay_deletions(&self) -> Result<usize, AuditError> {
        if self.source != Service::Identity {
            return Ok(0);
        }
        let mut next: Option<String> = None;
        let mut destroyed = 0;
        loop {
            let page = self.feed.page(next.as_deref()).await?;
            let gone: Vec<UserId> = page
                .items
                .iter()
                .filter_map(|item| match bailiwick_feed::change(item) {
                    Ok(Change::UserChanged(changed)) => deleted(&changed),
                    _ => None,
                })
                .collect();
            destroyed += self.store.destroy(&gone).await?;
            match page.next {
                Some(after) => next = Some(after),
                None => return Ok(destroyed),
            }
        }
    }
}
