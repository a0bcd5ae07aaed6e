//! The feed as replicas of the same service read it: committed rows at once, whether they have a
//! position or not.

use std::{collections::BTreeSet, sync::Arc};

use sea_orm::{DbBackend, Value};

use super::{Batch, Cursor, CursorRefused, batch};
use crate::{Db, Error, OutboxRow, conn::stored, epoch::epoch_sql, outbox::COLUMNS};

/// Follows a database's own outbox. It remembers which rows without position it has returned, so that a
/// sequencer that stands still costs no rereading.
#[derive(Debug, Clone)]
pub struct Poller {
    cursor: Cursor,
    /// The stamp of the row at the cursor, once it is known.
    stamp: Option<i64>,
    unpositioned: BTreeSet<u64>,
}

/// What one poll has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// The epoch of the feed.
    pub epoch: Arc<str>,
    /// The highest position there is.
    pub head: u64,
    /// Committed rows in the order of their ids. A row that was returned without position comes again with
    /// it: its revision is not newer than what is applied then.
    pub rows: Vec<OutboxRow>,
    /// Whether there was no more: only such a poll counts against staleness.
    pub complete: bool,
    /// The stamp of the row at the cursor that was polled from.
    at_cursor: Option<i64>,
}

impl Poller {
    /// Starts after a cursor.
    #[must_use]
    pub fn new(cursor: Cursor) -> Self {
        Self {
            cursor,
            stamp: None,
            unpositioned: BTreeSet::new(),
        }
    }
    /// How far it has got.
    #[must_use]
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }
    /// Reads what is new in one statement: rows after the cursor, and committed rows without position.
    /// Nothing counts as seen before [`Self::applied`].
    ///
    /// # Errors
    /// The cursor is rejected, or the database is unavailable.
    pub async fn poll(&self, db: &Db, limit: u32) -> Result<Poll, Error> {
        let seen: Vec<String> = self.unpositioned.iter().map(u64::to_string).collect();
        let seen = format!("[{}]", seen.join(","));
        let values: Vec<Value> = vec![stored(self.cursor.position), i64::from(limit).into(), seen.into()];
        let read = batch(db, db.load(), &self.cursor, poll_sql(db.backend()), values).await?;
        if self.stamp.is_some() && self.stamp != read.at_cursor && read.pruned < self.cursor.position {
            return Err(CursorRefused::OtherHistory.into());
        }
        Ok(cut(read, limit))
    }
    /// Moves on over what a poll has returned, once it is applied.
    pub fn applied(&mut self, poll: &Poll) {
        self.stamp = self.stamp.or(poll.at_cursor);
        for row in &poll.rows {
            match row.position {
                Some(position) => {
                    if position > self.cursor.position {
                        self.cursor.position = position;
                        self.stamp = Some(row.stamp);
                    }
                    self.unpositioned.remove(&row.id);
                }
                None => {
                    self.unpositioned.insert(row.id);
                }
            }
        }
    }
}

pub(super) fn poll_sql(backend: DbBackend) -> String {
    let list = if backend == DbBackend::Postgres {
        "(SELECT value::bigint FROM json_array_elements_text($3::json))"
    } else {
        "(SELECT value FROM json_each($3))"
    };
    format!(
        "SELECT {epoch} AS epoch, s.head, s.pruned, \
         (SELECT c.stamp FROM outbox c WHERE c.position = $1) AS at_cursor, {COLUMNS} FROM feed_state s LEFT JOIN (\
         SELECT * FROM (SELECT * FROM outbox WHERE position > $1 ORDER BY position LIMIT $2) positioned \
         UNION ALL \
         SELECT * FROM (SELECT * FROM outbox WHERE position IS NULL AND id NOT IN {list} ORDER BY id LIMIT $2) bare\
         ) o ON TRUE ORDER BY o.id",
        epoch = epoch_sql(backend),
    )
}

/// Where the positioned rows were cut off, rows without position may follow ones that are missing: they wait.
fn cut(read: Batch, limit: u32) -> Poll {
    let mut rows = read.rows;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let positioned = rows.iter().filter(|row| row.position.is_some()).count();
    let bare = rows.len() - positioned;
    if positioned >= limit {
        rows.retain(|row| row.position.is_some());
    }
    Poll {
        epoch: read.epoch,
        head: read.head,
        rows,
        complete: positioned < limit && bare < limit,
        at_cursor: read.at_cursor,
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{ScopeRoot, Timestamp};

    use super::*;

    fn row(id: u64, position: Option<u64>) -> OutboxRow {
        OutboxRow {
            id,
            root: ScopeRoot::Deployment,
            revision: id,
            stamp: 0,
            stamp_before: 0,
            position,
            created_at: Timestamp(0),
            changes: vec![],
        }
    }

    #[test]
    fn a_poll_that_was_cut_off_leaves_rows_without_position_for_the_next() {
        let rows = vec![row(1, Some(1)), row(2, None), row(3, Some(2))];
        let read = || Batch {
            epoch: "e".into(),
            head: 9,
            rows: rows.clone(),
            at_cursor: None,
            pruned: 0,
        };
        let poll = cut(read(), 2);
        assert!(!poll.complete);
        assert_eq!(poll.rows, vec![row(1, Some(1)), row(3, Some(2))]);
        let poll = cut(read(), 3);
        assert!(poll.complete);
        assert_eq!(poll.rows, rows);
    }

    #[test]
    fn a_row_is_remembered_until_it_comes_with_its_position() {
        let mut poller = Poller::new(Cursor {
            epoch: "e".into(),
            position: 0,
        });
        let poll = |rows| Poll {
            epoch: "e".into(),
            head: 9,
            rows,
            complete: true,
            at_cursor: None,
        };
        poller.applied(&poll(vec![row(7, None)]));
        assert_eq!((poller.cursor.position, poller.unpositioned.len()), (0, 1));
        poller.applied(&poll(vec![row(7, Some(1))]));
        assert_eq!((poller.cursor.position, poller.unpositioned.len()), (1, 0));
    }
}
