//! Gives committed rows of the outbox dense positions in the order of their ids.
//!
//! It takes a row lock before it reads: under READ COMMITTED the statement sees everything that was committed
//! when the lock was granted. A row whose transaction commits later gets a later position, whatever its id.
//! Open transactions elsewhere in the cluster do not delay it.

use std::sync::atomic::Ordering;

use sea_orm::ConnectionTrait;

use crate::{
    Db, Error,
    conn::{execute, number, of_feed, row, stored},
    error::Cause,
    hint::CHANNEL,
    settings::{NOT_COMPILED, Unit},
};

/// Sequences what this process has committed, unless a run that started after the commit has done so.
pub(crate) async fn after_commit(db: &Db) {
    if !db.is_postgres() {
        // The transaction that wrote the rows gave them positions.
        db.inner.hints.sequenced();
        return;
    }
    let _turn = db.inner.sequencer.lock().await;
    if !db.inner.unsequenced.swap(false, Ordering::SeqCst) {
        return;
    }
    if let Err(error) = sequence(db).await {
        // The worker retries.
        tracing::warn!(
            error = error.detail(),
            "cannot sequence committed changes; the worker will retry"
        );
    }
}

/// Sequences rows that a crashed committer has left, at an interval.
pub(crate) async fn run(db: Db) {
    let (mut failing, name) = (false, db.name());
    loop {
        tokio::time::sleep(db.poll_interval()).await;
        match db.sequence_pending().await {
            Ok(_) => {
                failing = false;
                db.watch().answered(&name);
            }
            Err(error) => {
                db.watch().failed(&name, error.word(), &error.detail());
                if !failing {
                    tracing::debug!(error = error.detail(), "sequencer failed; retrying");
                }
                failing = true;
            }
        }
    }
}

impl Db {
    /// Gives positions to all committed rows without one. Returns their number.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn sequence_pending(&self) -> Result<u64, Error> {
        let sql = "SELECT 1 AS one FROM outbox WHERE position IS NULL LIMIT 1";
        if row(self.load(), sql, vec![]).await?.is_none() {
            return Ok(0);
        }
        let db = self.clone();
        let done = self.inner.tasks.spawn(async move {
            let _turn = db.inner.sequencer.lock().await;
            sequence(&db).await
        });
        done.await.map_err(|error| Error::Internal(Cause::new(error)))?
    }
}

async fn sequence(db: &Db) -> Result<u64, Error> {
    let tx = db.inner.pools.begin(&Unit::Sequence).await?;
    let given = give_positions(&tx).await?;
    if given > 0 && db.is_postgres() {
        let sql = "SELECT pg_notify($1, '')";
        row(&tx, sql, vec![CHANNEL.into()]).await?;
    }
    tx.commit().await?;
    db.inner.hints.sequenced();
    Ok(given)
}

/// Gives positions inside a transaction.
pub(crate) async fn give_positions(conn: &impl ConnectionTrait) -> Result<u64, Error> {
    let sql = if conn.get_database_backend() == sea_orm::DbBackend::Postgres {
        format!("SELECT head, {NOT_COMPILED} FROM feed_state FOR UPDATE")
    } else {
        "SELECT head FROM feed_state".to_owned()
    };
    let row = of_feed(row(conn, sql, vec![]).await?)?;
    let head = number(row.try_get("", "head")?);
    // A separate statement, so that its snapshot is younger than the lock.
    let sql = "WITH batch AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM outbox WHERE position IS NULL) \
               UPDATE outbox SET position = $1 + batch.n FROM batch WHERE outbox.id = batch.id";
    let given = execute(conn, sql, vec![stored(head)]).await?;
    if given > 0 {
        let sql = "UPDATE feed_state SET head = $1";
        execute(conn, sql, vec![stored(head + given)]).await?;
    }
    Ok(given)
}
