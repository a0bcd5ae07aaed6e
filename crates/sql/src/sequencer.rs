//! Gives committed rows of the outbox dense positions in the order of their ids.
//!
//! It waits for a row lock and only then looks: under READ COMMITTED its statement sees everything that was
//! committed by the time it got the lock. A row whose transaction commits later gets a later position,
//! whatever its id. Nothing that is open elsewhere in the cluster holds it up.

use std::sync::atomic::Ordering;

use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::{
    Db, Error,
    conn::{number, statement, stored},
    error::Cause,
    hint::CHANNEL,
    read::options,
};

/// Sequences what this process has committed, unless somebody who started after that commit has done so.
pub(crate) async fn after_commit(db: &Db) {
    if !db.is_postgres() {
        // It had its positions in the transaction that wrote it.
        db.inner.hints.sequenced();
        return;
    }
    let _turn = db.inner.sequencer.lock().await;
    if !db.inner.unsequenced.swap(false, Ordering::SeqCst) {
        return;
    }
    if let Err(error) = sequence(db).await {
        // The worker comes by later.
        tracing::warn!(error = error.detail(), "committed changes have no position yet");
    }
}

/// Looks for rows that a crashed committer has left, for ever.
pub(crate) async fn run(db: Db) {
    let mut failing = false;
    loop {
        tokio::time::sleep(db.poll_interval()).await;
        match db.sequence_pending().await {
            Ok(_) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::warn!(error = error.detail(), "the sequencer fails, it goes on trying");
                }
                failing = true;
            }
        }
    }
}

impl Db {
    /// Gives positions to all rows that are committed by now, where there are any without. Returns how
    /// many it found.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sequence_pending(&self) -> Result<u64, Error> {
        let conn = self.load();
        let sql = "SELECT 1 AS one FROM outbox WHERE position IS NULL LIMIT 1";
        if conn.query_one_raw(statement(conn, sql, vec![])).await?.is_none() {
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
    let tx = db
        .inner
        .pools
        .service
        .begin_with_options(options(db, true))
        .await?;
    let given = give_positions(&tx).await?;
    if given > 0 && db.is_postgres() {
        let sql = "SELECT pg_notify($1, '')";
        tx.query_one_raw(statement(&tx, sql, vec![CHANNEL.into()]))
            .await?;
    }
    tx.commit().await?;
    db.inner.hints.sequenced();
    Ok(given)
}

/// The work itself, inside a transaction.
pub(crate) async fn give_positions(conn: &impl ConnectionTrait) -> Result<u64, Error> {
    let lock = if conn.get_database_backend() == sea_orm::DbBackend::Postgres {
        " FOR UPDATE"
    } else {
        ""
    };
    let sql = format!("SELECT head FROM feed_state{lock}");
    let row = conn.query_one_raw(statement(conn, sql, vec![])).await?;
    let row = row.ok_or(Error::Internal(Cause::text("feed_state has no row")))?;
    let head = number(row.try_get("", "head")?);
    // A statement of its own, so that its snapshot is younger than the lock.
    let sql = "WITH batch AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM outbox WHERE position IS NULL) \
               UPDATE outbox SET position = $1 + batch.n FROM batch WHERE outbox.id = batch.id";
    let given = conn
        .execute_raw(statement(conn, sql, vec![stored(head)]))
        .await?
        .rows_affected();
    if given > 0 {
        let sql = "UPDATE feed_state SET head = $1";
        conn.execute_raw(statement(conn, sql, vec![stored(head + given)]))
            .await?;
    }
    Ok(given)
}
