//! Reads the feed of another service in its own database: for commands that have all databases at hand.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bailiwick_sql::{
    Cursor, Db, Error,
    follow::{Event, Events, FeedSource, Page, SourceError},
};

use crate::{SnapshotSource, encode};

/// The feed of a service, read in its database.
#[derive(Clone)]
pub struct LocalFeedSource {
    db: Db,
    snapshot: Arc<dyn SnapshotSource>,
}

bailiwick_types::debug_fields!(LocalFeedSource { db });

impl LocalFeedSource {
    /// Reads the feed of this database; `snapshot` reads its state.
    #[must_use]
    pub fn new(db: Db, snapshot: Arc<dyn SnapshotSource>) -> Self {
        Self { db, snapshot }
    }
}

#[async_trait]
impl FeedSource for LocalFeedSource {
    async fn read(&self, after: &Cursor, limit: u32, wait: Duration) -> Result<Events, SourceError> {
        events(&self.db, after, limit, wait).await
    }
    async fn head(&self) -> Result<Cursor, SourceError> {
        self.db.feed().settled_head().await.map_err(source_error)
    }
    async fn page(&self, from: Option<&str>) -> Result<Page, SourceError> {
        let page = self.snapshot.page(from).await.map_err(source_error)?;
        Ok(Page {
            items: page.changes.into_iter().map(encode).collect(),
            revisions: page.revisions,
            next: page.next,
        })
    }
}

/// Reads events after a cursor; where there is none, it waits for one for the given time.
pub(crate) async fn events(
    db: &Db,
    after: &Cursor,
    limit: u32,
    wait: Duration,
) -> Result<Events, SourceError> {
    let feed = db.feed();
    let mut batch = feed.read(after, limit).await.map_err(source_error)?;
    if batch.rows.is_empty() && feed.wait(after.position, wait).await.map_err(source_error)? {
        batch = feed.read(after, limit).await.map_err(source_error)?;
    }
    Ok(Events {
        upto: batch.cursor(after).position,
        epoch: batch.epoch,
        head: batch.head,
        events: batch.rows.into_iter().filter_map(Event::of).collect(),
    })
}

pub(crate) fn source_error(error: Error) -> SourceError {
    match error {
        Error::Cursor(refused) => SourceError::Refused(refused),
        other => SourceError::Unavailable(other.detail()),
    }
}
