//! The feed as other services read it.

use std::time::Duration;

use bailiwick_types::ScopeRoot;
use sea_orm::DbBackend;
use tokio::time::{Instant, timeout};

use super::{Batch, Cursor, batch};
use crate::{
    Db, Error, OutboxRow,
    conn::{number, of_feed, row, rows, stored},
    epoch::epoch_sql,
    outbox::COLUMNS,
};

/// The change feed of a database.
#[derive(Debug, Clone)]
pub struct Feed {
    pub(super) db: Db,
}

impl Db {
    /// Its change feed.
    #[must_use]
    pub fn feed(&self) -> Feed {
        Feed { db: self.clone() }
    }
}

impl Feed {
    /// Reads up to `limit` rows after a cursor, in one statement.
    ///
    /// # Errors
    /// The cursor is rejected, or the database is unavailable.
    pub async fn read(&self, cursor: &Cursor, limit: u32) -> Result<Batch, Error> {
        let values = vec![stored(cursor.position), i64::from(limit).into()];
        let sql = read_sql(self.db.backend());
        batch(&self.db, self.db.load(), cursor, sql, values).await
    }
    /// The end of the feed: where a consumer that starts from a snapshot begins, before it reads
    /// the first page.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn head(&self) -> Result<Cursor, Error> {
        let sql = format!(
            "SELECT {} AS epoch, head FROM feed_state",
            epoch_sql(self.db.backend())
        );
        let row = of_feed(row(self.db.load(), sql, vec![]).await?)?;
        Ok(Cursor {
            epoch: self.db.epoch_in(&row)?,
            position: number(row.try_get("", "head")?),
        })
    }
    /// The end of the feed after everything that is committed by now has got its position: where a snapshot
    /// that was read until now counts from.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn settled_head(&self) -> Result<Cursor, Error> {
        self.db.sequence_pending().await?;
        self.head().await
    }
    /// Waits until the feed has something after a position. Returns false where it has not within the time.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn wait(&self, after: u64, within: Duration) -> Result<bool, Error> {
        let mut notices = self.db.sequencings();
        let end = Instant::now() + within;
        loop {
            if self.head().await?.position > after {
                return Ok(true);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // Without a notice it looks again all the same: notices can be lost. The sender lives as long
            // as the database.
            let _ = timeout(left.min(self.db.poll_interval()), notices.changed()).await;
        }
    }
    /// The rows of a root with revisions in `(after, upto]`, in order, with or without positions. There are
    /// fewer than `upto - after` where some are not kept any more or not there yet.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn revisions(&self, root: &ScopeRoot, after: u64, upto: u64) -> Result<Vec<OutboxRow>, Error> {
        let values = vec![root.to_string().into(), stored(after), stored(upto)];
        let rows = rows(self.db.load(), revisions_sql(), values).await?;
        rows.iter().map(OutboxRow::read).collect()
    }
}

pub(super) fn read_sql(backend: DbBackend) -> String {
    format!(
        "SELECT {} AS epoch, s.head, s.pruned, CAST(NULL AS bigint) AS at_cursor, {COLUMNS} FROM feed_state s LEFT JOIN \
         (SELECT * FROM outbox WHERE position > $1 ORDER BY position LIMIT $2) o ON TRUE ORDER BY o.position",
        epoch_sql(backend)
    )
}

pub(super) fn revisions_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM outbox o WHERE o.root = $1 AND o.revision > $2 AND o.revision <= $3 ORDER BY o.revision"
    )
}
