//! Reading on from a place in the feed that somebody outside has kept: it says also which write was there, so
//! that another history is noticed where the database could not notice it itself.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, Value};

use super::{Batch, Cursor, CursorRefused, Feed, batch};
use crate::{
    Db, Error, OutboxRow, ReadTx,
    conn::{number, of_feed, row, stored},
    epoch::epoch_sql,
    outbox::COLUMNS,
};

/// A place in the feed, and the stamp of the write there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The place.
    pub cursor: Cursor,
    /// The stamp of the row at the place; none where that row is not known.
    pub stamp: Option<i64>,
}

impl Mark {
    /// The place of a row that has a position.
    #[must_use]
    pub fn after(epoch: &Arc<str>, row: &OutboxRow) -> Option<Self> {
        let cursor = Cursor {
            epoch: Arc::clone(epoch),
            position: row.position?,
        };
        Some(Self {
            cursor,
            stamp: Some(row.stamp),
        })
    }
}

impl Feed {
    /// The end of the feed after everything that is committed by now has got its position.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn settled_mark(&self) -> Result<Mark, Error> {
        self.db.sequence_pending().await?;
        let sql = format!(
            "SELECT {} AS epoch, s.head, (SELECT c.stamp FROM outbox c WHERE c.position = s.head) AS stamp \
             FROM feed_state s",
            epoch_sql(self.db.backend())
        );
        let row = of_feed(row(self.db.load(), sql, vec![]).await?)?;
        let cursor = Cursor {
            epoch: self.db.epoch_in(&row)?,
            position: number(row.try_get("", "head")?),
        };
        Ok(Mark {
            cursor,
            stamp: row.try_get("", "stamp")?,
        })
    }
    /// Reads up to `limit` rows after a mark, in one statement.
    ///
    /// # Errors
    /// The mark is rejected, or the database is unavailable.
    pub async fn read_on(&self, mark: &Mark, limit: u32) -> Result<Batch, Error> {
        read_on(&self.db, self.db.load(), mark, limit).await
    }
}

impl ReadTx {
    /// [`Feed::read_on`] on the connection of this snapshot.
    ///
    /// # Errors
    /// As there.
    pub async fn read_on(&self, mark: &Mark, limit: u32) -> Result<Batch, Error> {
        read_on(self.db(), self.conn(), mark, limit).await
    }
}

async fn read_on(db: &Db, conn: &impl ConnectionTrait, mark: &Mark, limit: u32) -> Result<Batch, Error> {
    let values: Vec<Value> = vec![stored(mark.cursor.position), i64::from(limit).into()];
    let read = batch(db, conn, &mark.cursor, read_on_sql(db.backend()), values).await?;
    // The row at the mark may be forgotten by now; what follows it is not.
    let is_kept = read.pruned < mark.cursor.position;
    if mark.stamp.is_some() && is_kept && mark.stamp != read.at_cursor {
        return Err(CursorRefused::OtherHistory.into());
    }
    Ok(read)
}

fn read_on_sql(backend: DbBackend) -> String {
    format!(
        "SELECT {} AS epoch, s.head, s.pruned, \
         (SELECT c.stamp FROM outbox c WHERE c.position = $1) AS at_cursor, {COLUMNS} FROM feed_state s LEFT JOIN \
         (SELECT * FROM outbox WHERE position > $1 ORDER BY position LIMIT $2) o ON TRUE ORDER BY o.position",
        epoch_sql(backend)
    )
}
