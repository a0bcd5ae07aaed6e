//! How far a follower has got, in the database.

use bailiwick_types::Service;
use sea_orm::{QueryResult, Value};

use crate::{
    Conn, Cursor, Db, Error,
    conn::{execute, number, row, stored},
};

/// The epoch of a cursor that has none yet: no feed has it, so that it is refused.
const NONE: &str = "";

/// A follower's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) cursor: Cursor,
    /// Somebody reads a snapshot.
    pub(super) snapshot: bool,
    /// Revisions count once the cursor is there.
    pub(super) counts_from: u64,
}

impl State {
    /// Where a follower begins that never followed.
    pub(super) fn none() -> Self {
        Self {
            cursor: Cursor {
                epoch: NONE.into(),
                position: 0,
            },
            snapshot: false,
            counts_from: 0,
        }
    }
    pub(super) fn read(row: &QueryResult) -> Result<Self, Error> {
        Ok(Self {
            cursor: Cursor {
                epoch: row.try_get::<String>("", "epoch")?.into(),
                position: number(row.try_get("", "position")?),
            },
            snapshot: row.try_get::<Option<String>>("", "snapshot_run")?.is_some(),
            counts_from: number(row.try_get("", "counts_from")?),
        })
    }
    /// Whether what is recorded as applied may be relied upon.
    pub(super) fn counts(&self) -> bool {
        !self.snapshot && &*self.cursor.epoch != NONE && self.cursor.position >= self.counts_from
    }
}

/// How far a follower has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to there is applied.
    pub cursor: Cursor,
    /// Whether it is: not while a snapshot is read, and not until the feed is applied up to its end.
    pub counts: bool,
}

impl Db {
    /// How far this database has got in following another service; none where it never followed it.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn followed(&self, source: Service) -> Result<Option<Progress>, Error> {
        let state = load(self, source).await?;
        Ok(state.map(|state| Progress {
            counts: state.counts(),
            cursor: state.cursor,
        }))
    }
}

pub(super) async fn load(db: &Db, source: Service) -> Result<Option<State>, Error> {
    let sql = "SELECT epoch, position, snapshot_run, counts_from FROM feed_cursor WHERE source = $1";
    let row = row(db.load(), sql, vec![source.as_str().into()]).await?;
    row.as_ref().map(State::read).transpose()
}

/// Moves the cursor in the transaction that applies. False: another replica was there first.
pub(super) async fn advance(conn: &Conn, source: Service, from: &Cursor, to: u64) -> Result<bool, Error> {
    let sql = "UPDATE feed_cursor SET position = $4 \
               WHERE source = $1 AND epoch = $2 AND position = $3 AND snapshot_run IS NULL";
    let values = vec![
        source.as_str().into(),
        (*from.epoch).into(),
        stored(from.position),
        stored(to),
    ];
    changed(conn, sql, values).await
}

/// Takes the snapshot in hand, where nobody else has and the cursor is still the one that was refused.
/// Nothing counts from then on until [`finish`].
pub(super) async fn start(
    conn: &Conn,
    source: Service,
    refused: &Cursor,
    run: &str,
    now: i64,
    stale_before: i64,
) -> Result<bool, Error> {
    let sql = "INSERT INTO feed_cursor (source, epoch, position, counts_from) VALUES ($1, $2, 0, 0) \
               ON CONFLICT (source) DO NOTHING";
    execute(conn, sql, vec![source.as_str().into(), NONE.into()]).await?;
    let sql = "UPDATE feed_cursor SET epoch = $7, position = 0, counts_from = 0, snapshot_run = $4, snapshot_at = $5 \
               WHERE source = $1 AND epoch = $2 AND position = $3 AND (snapshot_run IS NULL OR snapshot_at < $6)";
    let values = vec![
        source.as_str().into(),
        (*refused.epoch).into(),
        stored(refused.position),
        run.into(),
        now.into(),
        stale_before.into(),
        NONE.into(),
    ];
    if !changed(conn, sql, values).await? {
        return Ok(false);
    }
    for sql in [
        "DELETE FROM applied WHERE source = $1",
        "DELETE FROM feed_seen WHERE source = $1",
    ] {
        execute(conn, sql, vec![source.as_str().into()]).await?;
    }
    Ok(true)
}

/// Whether the snapshot is still in this run's hand; says that it is alive.
pub(super) async fn hold(conn: &Conn, source: Service, run: &str, now: i64) -> Result<bool, Error> {
    let sql = "UPDATE feed_cursor SET snapshot_at = $3 WHERE source = $1 AND snapshot_run = $2";
    changed(conn, sql, vec![source.as_str().into(), run.into(), now.into()]).await
}

/// The snapshot is read: the feed goes on at `begin`, and revisions count from `end` on.
pub(super) async fn finish(
    conn: &Conn,
    source: Service,
    run: &str,
    begin: &Cursor,
    end: u64,
) -> Result<bool, Error> {
    let sql = "UPDATE feed_cursor SET epoch = $3, position = $4, counts_from = $5, snapshot_run = NULL, \
               snapshot_at = NULL WHERE source = $1 AND snapshot_run = $2";
    let values = vec![
        source.as_str().into(),
        run.into(),
        (*begin.epoch).into(),
        stored(begin.position),
        stored(end),
    ];
    let done = changed(conn, sql, values).await?;
    let sql = "DELETE FROM feed_seen WHERE source = $1";
    execute(conn, sql, vec![source.as_str().into()]).await?;
    Ok(done)
}

/// Gives a snapshot up that could not be read to its end.
pub(super) async fn abandon(conn: &Conn, source: Service, run: &str) -> Result<bool, Error> {
    let sql = "UPDATE feed_cursor SET snapshot_run = NULL, snapshot_at = NULL \
               WHERE source = $1 AND snapshot_run = $2";
    changed(conn, sql, vec![source.as_str().into(), run.into()]).await
}

async fn changed(conn: &Conn, sql: &str, values: Vec<Value>) -> Result<bool, Error> {
    Ok(execute(conn, sql, values).await? == 1)
}
