//! Reading the change feed: by position for other services, by revision and without positions for
//! one's own replicas.

mod forward;
mod mark;
mod poll;
mod read;
mod retention;

pub use forward::Forward;
pub use mark::Mark;
pub use poll::{Poll, Poller};
pub use read::Feed;

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, Value};

use crate::{
    Db, Error, OutboxRow,
    conn::{number, of_feed, rows},
};

/// The statements that run all the time, with values to explain them by: for golden plans.
#[doc(hidden)]
#[must_use]
pub fn statements(backend: DbBackend) -> Vec<(&'static str, String, Vec<Value>)> {
    let unsequenced = "SELECT 1 AS one FROM outbox WHERE position IS NULL LIMIT 1".to_owned();
    vec![
        (
            "read",
            read::read_sql(backend),
            vec![1_i64.into(), 100_i64.into()],
        ),
        (
            "poll",
            poll::poll_sql(backend),
            vec![1_i64.into(), 100_i64.into(), "[]".into()],
        ),
        (
            "revisions",
            read::revisions_sql(),
            vec!["deployment".into(), 1_i64.into(), 9_i64.into()],
        ),
        ("unsequenced", unsequenced, vec![]),
    ]
}

/// How far a consumer has got: everything up to `position` of that epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The epoch that the position is counted in.
    pub epoch: Arc<str>,
    /// The last position that was read; 0 before the first.
    pub position: u64,
}

/// Why a cursor cannot be read on from: its consumer starts from a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorRefused {
    /// The feed has another history by now.
    #[error("the cursor belongs to another epoch")]
    OtherEpoch,
    /// The feed has not got so far: it was set back.
    #[error("the cursor is ahead of the feed")]
    AheadOfHead,
    /// Another write is at the position of the cursor than the one that was read there: the database was
    /// restored without a new epoch.
    #[error("the feed has other events up to the cursor")]
    OtherHistory,
    /// What follows it is not kept any more.
    #[error("the cursor is older than the retained events")]
    OlderThanRetention,
}

/// A part of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The epoch of the feed.
    pub epoch: Arc<str>,
    /// The highest position there is.
    pub head: u64,
    /// Rows in the order of their positions, without gaps.
    pub rows: Vec<OutboxRow>,
    /// The stamp of the row at the cursor, where it is still kept and was asked for.
    at_cursor: Option<i64>,
    /// Rows up to this position are not kept any more.
    pruned: u64,
}

/// Reads where the feed stands, and rows after a cursor.
async fn batch(
    db: &Db,
    conn: &impl ConnectionTrait,
    cursor: &Cursor,
    sql: String,
    values: Vec<Value>,
) -> Result<Batch, Error> {
    let rows = rows(conn, sql, values).await?;
    let first = of_feed(rows.first())?;
    let epoch = db.epoch_in(first)?;
    let head = number(first.try_get("", "head")?);
    if epoch != cursor.epoch {
        return Err(CursorRefused::OtherEpoch.into());
    }
    if cursor.position > head {
        return Err(CursorRefused::AheadOfHead.into());
    }
    let pruned = number(first.try_get("", "pruned")?);
    if cursor.position < pruned {
        return Err(CursorRefused::OlderThanRetention.into());
    }
    Ok(Batch {
        epoch,
        head,
        at_cursor: first.try_get("", "at_cursor")?,
        pruned,
        rows: OutboxRow::joined(&rows)?,
    })
}

impl Batch {
    /// The cursor after this part.
    #[must_use]
    pub fn cursor(&self, before: &Cursor) -> Cursor {
        let last = self.rows.last().and_then(|row| row.position);
        Cursor {
            epoch: Arc::clone(&self.epoch),
            position: last.unwrap_or(before.position),
        }
    }
}
