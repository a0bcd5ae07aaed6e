//! Follows the database's own feed.

use std::sync::Arc;

use bailiwick_authorization_engine::{Epoch, Polled};
use bailiwick_sql::{Cursor, CursorRefused, Db, Error, Poll, Poller};

use super::{reads::rows_of, stamp::no_stamp};

/// The greatest number of rows of one read.
const POLL: u32 = 2_000;
/// The greatest number of reads of one poll: a replica that is further behind restarts at the end.
const POLLS: usize = 100;
/// The answer that makes a replica restart at the end of the feed.
const GIVEN_UP: Error = Error::Cursor(CursorRefused::OlderThanRetention);

#[derive(Debug, Default)]
pub(super) struct Following {
    poller: Option<Poller>,
    /// Was returned, and counts as applied with the next call.
    returned: Vec<Poll>,
}

impl Following {
    /// Starts at the head of the feed.
    pub(super) async fn begin(&mut self, db: &Db) -> Result<Epoch, Error> {
        self.poller = None;
        self.returned.clear();
        let cursor: Cursor = db.feed().head().await?;
        let epoch = Arc::clone(&cursor.epoch);
        self.poller = Some(Poller::new(cursor));
        Ok(epoch)
    }

    /// The rows since the last call, which count as applied with the next one; none at first.
    pub(super) async fn poll(&mut self, db: &Db) -> Result<Polled, Error> {
        let returned = std::mem::take(&mut self.returned);
        match &mut self.poller {
            None => {
                let epoch = self.begin(db).await?;
                return Ok(Polled {
                    epoch,
                    rows: Vec::new(),
                });
            }
            Some(poller) => returned.iter().for_each(|poll| poller.applied(poll)),
        }
        let mut polled: Option<Polled> = None;
        for _ in 0..POLLS {
            let Some(poller) = &mut self.poller else {
                return Err(GIVEN_UP);
            };
            let poll = match poller.poll(db, POLL).await {
                Ok(poll) => poll,
                Err(error) if polled.is_none() => return Err(error),
                // Rows were read already that cannot be returned without the rest.
                Err(_) => return Err(GIVEN_UP),
            };
            let rows = rows_of(&poll.rows);
            let complete = poll.complete;
            match &mut polled {
                None => {
                    polled = Some(Polled {
                        epoch: Arc::clone(&poll.epoch),
                        rows,
                    });
                }
                Some(polled) => polled.rows.extend(rows),
            }
            if complete {
                self.returned.push(poll);
                return polled.ok_or_else(no_stamp);
            }
            // More follows: the rows are kept until all are read, so that they become visible at once.
            poller.applied(&poll);
        }
        Err(GIVEN_UP)
    }
}
