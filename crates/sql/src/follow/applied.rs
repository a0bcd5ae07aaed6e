//! Which revisions of other services are applied here, and waiting for them.

use std::time::Duration;

use bailiwick_types::{ScopeRoot, Service};
use tokio::{
    sync::broadcast,
    time::{Instant, timeout},
};

use super::cursor::State;
use crate::{
    Conn, Db, Error,
    conn::{execute, number, row, stored},
};

/// How often a waiter looks for what other replicas have applied.
const LOOK: Duration = Duration::from_millis(20);

/// How waiting for a revision has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// It is applied.
    Reached,
    /// The feed has another epoch than the one that is asked for: there is nothing to wait for.
    OtherEpoch,
    /// It was not applied in time.
    Late,
}

impl Db {
    /// Waits until a revision of a root in another service is applied here, by this process or by another one
    /// on the same database. For this service's own roots it looks once: what is committed is there.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn wait_applied(
        &self,
        source: Service,
        epoch: &str,
        root: &ScopeRoot,
        revision: u64,
        within: Duration,
    ) -> Result<Waited, Error> {
        if source == self.service() {
            return self.own(epoch, root, revision).await;
        }
        let mut notices = self.inner.applied.subscribe();
        let end = Instant::now() + within;
        loop {
            if let Some(waited) = self.look(source, epoch, root, revision).await? {
                return Ok(waited);
            }
            let next = end.min(Instant::now() + LOOK);
            loop {
                let left = next.saturating_duration_since(Instant::now());
                match timeout(left, notices.recv()).await {
                    // What was applied may not count yet, so it is looked up, not believed.
                    Ok(Ok((s, r, n))) if s == source && r == *root && n >= revision => break,
                    Ok(Ok(_)) => {}
                    Ok(Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed))
                    | Err(_) => {
                        break;
                    }
                }
            }
            if Instant::now() >= end {
                let last = self.look(source, epoch, root, revision).await?;
                return Ok(last.unwrap_or(Waited::Late));
            }
        }
    }
    async fn own(&self, epoch: &str, root: &ScopeRoot, revision: u64) -> Result<Waited, Error> {
        let tx = self.begin_read(root).await?;
        let standing = tx.standing(std::slice::from_ref(root)).await?;
        Ok(if *standing.epoch != *epoch {
            Waited::OtherEpoch
        } else if standing.revisions.first().is_some_and(|is| *is >= revision) {
            Waited::Reached
        } else {
            Waited::Late
        })
    }
    async fn look(
        &self,
        source: Service,
        epoch: &str,
        root: &ScopeRoot,
        revision: u64,
    ) -> Result<Option<Waited>, Error> {
        let sql = "SELECT c.epoch, c.position, c.snapshot_run, c.counts_from, a.revision FROM feed_cursor c \
                   LEFT JOIN applied a ON a.source = c.source AND a.root = $2 WHERE c.source = $1";
        let values = vec![source.as_str().into(), root.to_string().into()];
        let Some(row) = row(self.load(), sql, values).await? else {
            return Ok(None);
        };
        let state = State::read(&row)?;
        if !state.counts() {
            return Ok(None);
        }
        if *state.cursor.epoch != *epoch {
            return Ok(Some(Waited::OtherEpoch));
        }
        let applied = row.try_get::<Option<i64>>("", "revision")?.map_or(0, number);
        Ok((applied >= revision).then_some(Waited::Reached))
    }
    pub(super) fn tell_applied(&self, source: Service, root: &ScopeRoot, revision: u64) {
        // Nobody may be waiting.
        let _ = self.inner.applied.send((source, root.clone(), revision));
    }
}

/// Records in the transaction that applies it that a revision is applied. It never goes back.
pub(super) async fn raise(
    conn: &Conn,
    source: Service,
    root: &ScopeRoot,
    revision: u64,
) -> Result<(), Error> {
    let sql = "INSERT INTO applied (source, root, revision) VALUES ($1, $2, $3) ON CONFLICT (source, root) \
               DO UPDATE SET revision = excluded.revision WHERE applied.revision < excluded.revision";
    let values = vec![source.as_str().into(), root.to_string().into(), stored(revision)];
    execute(conn, sql, values).await?;
    Ok(())
}
