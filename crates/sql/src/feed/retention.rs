//! Forgetting what all consumers have long read.

use std::time::Duration;

use bailiwick_types::Timestamp;

use super::Feed;
use crate::{
    Db, Error,
    conn::{execute, number, of_feed, row, stored},
};

/// Rows that one transaction deletes.
const PART: u64 = 5_000;

impl Feed {
    /// Deletes rows with a position that are older than `keep`, in short transactions. A consumer that has
    /// not read them starts from a snapshot. Returns how many there were.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn prune(&self, keep: Duration) -> Result<u64, Error> {
        let db = &self.db;
        let before = db.clock().now().minus(keep);
        let mut all = 0;
        loop {
            let deleted = prune_part(db, before).await?;
            all += deleted;
            if deleted < PART {
                return Ok(all);
            }
        }
    }
}

async fn prune_part(db: &Db, before: Timestamp) -> Result<u64, Error> {
    let tx = db.begin_write(&[]).await?;
    let conn = tx.conn();
    // Up to the first row that is kept: positions are dense, so what is pruned is one number.
    let sql = "SELECT s.pruned, COALESCE((SELECT MIN(position) - 1 FROM outbox \
               WHERE position IS NOT NULL AND created_at >= $1), s.head) AS upto FROM feed_state s";
    let row = of_feed(row(conn, sql, vec![before.0.into()]).await?)?;
    let pruned = number(row.try_get("", "pruned")?);
    let upto = number(row.try_get("", "upto")?).min(pruned + PART);
    if upto <= pruned {
        return Ok(0);
    }
    let sql = "DELETE FROM outbox WHERE position <= $1";
    let deleted = execute(conn, sql, vec![stored(upto)]).await?;
    let sql = "UPDATE feed_state SET pruned = $1 WHERE pruned < $1";
    execute(conn, sql, vec![stored(upto)]).await?;
    tx.commit().await?;
    Ok(deleted)
}
