//! Events that could not be applied: kept for people to look at.

use bailiwick_types::{Service, Timestamp};

use super::FeedSink;
use crate::{
    Db, Error, WriteTx,
    conn::{execute, number, rows, stored},
    outbox,
};

/// An event, or an item of a snapshot (position 0), that was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedEvent {
    /// Name of the service that it came from.
    pub source: String,
    /// The epoch of its feed.
    pub epoch: String,
    /// Its place in the feed.
    pub position: u64,
    /// What it was about.
    pub root: String,
    /// The revision of that.
    pub revision: u64,
    /// Why it was refused.
    pub reason: String,
    /// When.
    pub refused_at: Timestamp,
}

/// What is kept of changes that were refused.
pub(super) fn redacted(sink: &dyn FeedSink, changes: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let kept = |change: &Vec<u8>| sink.redact(change).unwrap_or_else(|| change.clone());
    changes.iter().map(kept).collect()
}

/// Records what was refused: the changes of an event, or an item of a snapshot.
pub(super) async fn record(
    tx: &WriteTx,
    source: Service,
    epoch: &str,
    (root, position, revision): (&str, u64, u64),
    changes: &[Vec<u8>],
    reason: &str,
) -> Result<(), Error> {
    let sql = "INSERT INTO refused_event (source, epoch, position, root, revision, reason, payload, refused_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = vec![
        source.as_str().into(),
        epoch.into(),
        stored(position),
        root.into(),
        stored(revision),
        // A text that a peer may have had a part in: no zero bytes, which PostgreSQL cannot store.
        reason.replace('\0', " ").into(),
        outbox::encode(changes).into(),
        tx.db().clock().now().0.into(),
    ];
    execute(tx.conn(), sql, values).await?;
    Ok(())
}

/// The latest events that were refused, newest first.
///
/// # Errors
/// The database is unavailable.
pub async fn refused_events(db: &Db, limit: u32) -> Result<Vec<RefusedEvent>, Error> {
    let sql = "SELECT source, epoch, position, root, revision, reason, refused_at FROM refused_event \
               ORDER BY id DESC LIMIT $1";
    let rows = rows(db.load(), sql, vec![i64::from(limit).into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(RefusedEvent {
                source: row.try_get("", "source")?,
                epoch: row.try_get("", "epoch")?,
                position: number(row.try_get("", "position")?),
                root: row.try_get("", "root")?,
                revision: number(row.try_get("", "revision")?),
                reason: row.try_get("", "reason")?,
                refused_at: Timestamp(row.try_get("", "refused_at")?),
            })
        })
        .collect()
}
