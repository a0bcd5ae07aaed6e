//! Events that could not be applied: kept for people to look at.

use bailiwick_types::{Service, Timestamp};
use sea_orm::ConnectionTrait;

use super::Event;
use crate::{
    Conn, Cursor, Db, Error,
    conn::{number, statement, stored},
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

pub(super) async fn record(
    conn: &Conn,
    db: &Db,
    source: Service,
    epoch: &str,
    event: &Event,
    reason: &str,
) -> Result<(), Error> {
    let root = event.root.to_string();
    let at = (event.position, event.revision);
    insert(
        conn,
        db,
        source,
        epoch,
        (&root, at.0, at.1),
        &event.changes,
        reason,
    )
    .await
}

pub(super) async fn record_item(
    conn: &Conn,
    db: &Db,
    source: Service,
    begin: &Cursor,
    item: &[u8],
    reason: &str,
) -> Result<(), Error> {
    insert(
        conn,
        db,
        source,
        &begin.epoch,
        ("", 0, 0),
        &[item.to_vec()],
        reason,
    )
    .await
}

async fn insert(
    conn: &Conn,
    db: &Db,
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
        db.clock().now().0.into(),
    ];
    conn.execute_raw(statement(conn, sql, values)).await?;
    Ok(())
}

/// The latest events that were refused, newest first.
///
/// # Errors
/// The database is unavailable.
pub async fn refused_events(db: &Db, limit: u32) -> Result<Vec<RefusedEvent>, Error> {
    let conn = db.load();
    let sql = "SELECT source, epoch, position, root, revision, reason, refused_at FROM refused_event \
               ORDER BY id DESC LIMIT $1";
    let rows = conn
        .query_all_raw(statement(conn, sql, vec![i64::from(limit).into()]))
        .await?;
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
