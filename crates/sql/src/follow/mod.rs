//! Following the feed of another service: read, apply, remember how far, in one transaction; start from a
//! snapshot where the cursor is refused; never stop at content that does not fit.

mod applied;
mod compare;
mod cursor;
mod lag;
mod refused;
mod run;
mod snapshot;

pub use applied::Waited;
pub use compare::{Compare, Deviation, Difference, Field, Fields, Kept, Thing};
pub use cursor::Progress;
pub use lag::Lag;
pub use refused::{RefusedEvent, refused_events};
pub use run::{Follower, FollowerConfig};
pub use snapshot::Run;

use std::{sync::Arc, time::Duration};

use bailiwick_types::{ScopeRoot, Timestamp};

use crate::{Cursor, CursorRefused, Db, Error, OutboxRow, WriteTx};

/// A revision of a root in another service, with everything that it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What has changed.
    pub root: ScopeRoot,
    /// The revision that the root has since.
    pub revision: u64,
    /// Its place in the feed.
    pub position: u64,
    /// When it was written.
    pub created_at: Timestamp,
    /// The changes; what they say is between the two services.
    pub changes: Vec<Vec<u8>>,
}

impl Event {
    /// The event that a row of the feed is; none where it has no position yet.
    #[must_use]
    pub fn of(row: OutboxRow) -> Option<Self> {
        Some(Self {
            position: row.position?,
            root: row.root,
            revision: row.revision,
            created_at: row.created_at,
            changes: row.changes,
        })
    }
}

/// A part of another service's feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// The epoch of the feed.
    pub epoch: Arc<str>,
    /// The highest position there is.
    pub head: u64,
    /// How far this part goes: at least the position of its last event, more where a source
    /// leaves events out.
    pub upto: u64,
    /// In the order of their positions.
    pub events: Vec<Event>,
}

/// A page of a snapshot. A revision is one that the page's items had reached when they were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The state of things, one item each.
    pub items: Vec<Vec<u8>>,
    /// Revisions of the roots on this page.
    pub revisions: Vec<(ScopeRoot, u64)>,
    /// Where the next page begins; none after the last one.
    pub next: Option<String>,
}

/// Why a feed could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// The cursor cannot be read on from.
    #[error(transparent)]
    Refused(#[from] CursorRefused),
    /// The other service does not answer.
    #[error("cannot read the feed: {0}")]
    Unavailable(String),
}

/// The feed of another service.
#[async_trait::async_trait]
pub trait FeedSource: Send + Sync {
    /// Reads events after a cursor; where there is none, it may wait for one for the given time.
    async fn read(&self, after: &Cursor, limit: u32, wait: Duration) -> Result<Events, SourceError>;
    /// The end of the feed, once everything that is committed by now has its position.
    async fn head(&self) -> Result<Cursor, SourceError>;
    /// A page of the present state: the first one, or the one that a page named as its next.
    async fn page(&self, from: Option<&str>) -> Result<Page, SourceError>;
}

/// Why an event or an item of a snapshot could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// What it says cannot be applied, now or ever: it is recorded and passed.
    #[error("{0}")]
    Content(String),
    /// The database: to be tried again.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What a service does with the events of another one. Applying twice changes nothing: events carry the
/// version of what they change, and one that is not newer than what is there is skipped. Versions count
/// within one epoch: what a sink stores has both, and the snapshot of another epoch overwrites.
#[async_trait::async_trait]
pub trait FeedSink: Send + Sync {
    /// The roots of this service whose revisions the event may count up.
    async fn roots(&self, db: &Db, event: &Event) -> Result<Vec<ScopeRoot>, ApplyError>;
    /// Applies an event of the history `epoch`. The transaction holds its roots and sees all accounts; the
    /// cursor moves with it.
    async fn apply(&self, tx: &mut WriteTx, epoch: &Arc<str>, event: &Event) -> Result<(), ApplyError>;
    /// The roots of this service whose revisions an item of a snapshot may count up.
    async fn item_roots(&self, db: &Db, item: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError>;
    /// Applies an item of a snapshot, and marks what it names by [`Run::saw`].
    async fn apply_item(&self, tx: &mut WriteTx, run: &Run, item: &[u8]) -> Result<(), ApplyError>;
    /// Removes what the snapshot did not name (see [`Run::unseen`]), in transactions of its
    /// own that [`Run::hold`].
    async fn sweep(&self, db: &Db, run: &Run) -> Result<(), ApplyError>;
    /// What is kept of a change that was refused, where it is not the whole: personal data is not, as nothing
    /// would ever remove it.
    fn redact(&self, _change: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
