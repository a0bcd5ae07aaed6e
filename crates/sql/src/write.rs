//! Writing transactions: the revision rows that they lock, and the changes that they publish.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use bailiwick_types::{ScopeRoot, Service, Token};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};
use tokio::sync::oneshot;

use crate::{
    Conn, Db, Error,
    conn::{execute, number, placeholders, row, rows},
    epoch::epoch_sql,
    error::Cause,
    outbox::{self, NewRow},
    pools,
    revision::new_stamp_sql,
    sequencer,
    settings::{SCOPED, Scope, Unit},
};

/// How often a transaction restarts because a row that it must lock did not exist yet.
const ATTEMPTS: usize = 8;

/// A unit of work that writes. It locks the revision rows of its roots when it begins; dropping it before the
/// commit rolls it back, also when the call is cancelled in the middle of a statement.
#[derive(Debug)]
pub struct WriteTx {
    conn: Conn,
    db: Db,
    epoch: Arc<str>,
    /// By the text of the root: the order in which the rows are locked and outbox rows get their ids.
    held: BTreeMap<String, Held>,
}

#[derive(Debug)]
struct Held {
    root: ScopeRoot,
    revision: u64,
    stamp: i64,
    changes: Vec<Vec<u8>>,
}

/// The result of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    service: Service,
    /// The epoch that the revisions are counted in.
    pub epoch: Arc<str>,
    /// The roots that had changes and the revisions that they have now.
    pub revisions: Vec<(ScopeRoot, u64)>,
    seen: Vec<(ScopeRoot, u64)>,
}

impl Committed {
    /// What a reader needs to see this write. It names all roots that the transaction held: the answer of a
    /// repeated request, which changes nothing, depends on them too.
    #[must_use]
    pub fn token(&self) -> Token {
        let mut token = Token::default();
        for (root, revision) in self.revisions.iter().chain(&self.seen) {
            token.raise(self.service, &self.epoch, root.clone(), *revision);
        }
        token
    }
    /// The revision that this write has given a root.
    #[must_use]
    pub fn revision(&self, root: &ScopeRoot) -> Option<u64> {
        self.revisions
            .iter()
            .find(|(r, _)| r == root)
            .map(|(_, revision)| *revision)
    }
}

impl Db {
    /// Begins to write. The revision rows of the roots are locked in the order of their ids, so that two
    /// writers cannot deadlock; missing ones are inserted. On PostgreSQL row-level security shows the rows of
    /// the accounts among the roots.
    ///
    /// # Errors
    /// The database is unavailable, its settings are unsupported, or a lock was not granted in time.
    pub async fn begin_write(&self, roots: &[ScopeRoot]) -> Result<WriteTx, Error> {
        let db = self.clone();
        let roots: BTreeMap<String, ScopeRoot> = roots.iter().map(|r| (r.to_string(), r.clone())).collect();
        // Not cancelled with the caller: a connection whose BEGIN is cut off returns to the pool with an open
        // transaction.
        let begun = self.inner.tasks.spawn(hold(db, roots));
        begun.await.map_err(|error| Error::Internal(Cause::new(error)))?
    }
    /// Begins to write across accounts, without row-level security: for purges and followers of a feed.
    ///
    /// # Errors
    /// As [`Self::begin_write`].
    pub async fn begin_write_across(&self, roots: &[ScopeRoot]) -> Result<WriteTx, Error> {
        let tx = self.begin_write(roots).await?;
        if self.is_postgres() {
            let sql = "SELECT set_config('bailiwick.across', 'on', true)";
            row(&tx.conn, sql, vec![]).await?;
        }
        Ok(tx)
    }
}

async fn hold(db: Db, roots: BTreeMap<String, ScopeRoot>) -> Result<WriteTx, Error> {
    for _ in 0..ATTEMPTS {
        let conn = db.inner.pools.begin(&Unit::Write).await?;
        if !db.is_postgres() {
            insert_missing(&conn, roots.keys()).await?;
        }
        let (epoch, held) = lock(&db, &conn, &roots).await?;
        if held.len() == roots.len() {
            return Ok(WriteTx {
                conn,
                db,
                epoch,
                held,
            });
        }
        // Rows are inserted one by one outside of any transaction: inserted inside, they would be locked out
        // of order.
        let missing: Vec<&String> = roots.keys().filter(|key| !held.contains_key(*key)).collect();
        conn.rollback().await?;
        insert_missing(&db.inner.pools.write, missing.into_iter()).await?;
    }
    Err(Error::Conflict(Cause::text(
        "revision rows were deleted repeatedly while locking them",
    )))
}

async fn insert_missing<'a>(
    conn: &impl ConnectionTrait,
    keys: impl Iterator<Item = &'a String>,
) -> Result<(), Error> {
    for key in keys {
        let sql =
            "INSERT INTO revision (root, revision, stamp) VALUES ($1, 0, 0) ON CONFLICT (root) DO NOTHING";
        execute(conn, sql, vec![key.clone().into()]).await?;
    }
    Ok(())
}

async fn lock(
    db: &Db,
    conn: &Conn,
    roots: &BTreeMap<String, ScopeRoot>,
) -> Result<(Arc<str>, BTreeMap<String, Held>), Error> {
    let epoch = epoch_sql(db.backend());
    let list = if roots.is_empty() {
        "NULL".to_owned()
    } else {
        placeholders(2, roots.len())
    };
    let sql = if db.is_postgres() {
        // The outer join returns one row where no root exists; only the revision rows are locked.
        format!(
            "SELECT {epoch} AS epoch, current_setting('synchronous_commit') AS durability, r.root, r.revision, r.stamp, \
             {SCOPED} \
             FROM (SELECT root, revision, stamp FROM revision WHERE root IN ({list}) ORDER BY root FOR UPDATE) r \
             RIGHT JOIN (SELECT 1) one ON TRUE"
        )
    } else {
        format!(
            "SELECT {epoch} AS epoch, $1 AS durability, r.root, r.revision, r.stamp \
             FROM (SELECT 1) one LEFT JOIN revision r ON r.root IN ({list})"
        )
    };
    let accounts: Vec<ScopeRoot> = roots.values().cloned().collect();
    let mut values: Vec<Value> = vec![Scope::of(&accounts).account().into()];
    values.extend(roots.keys().map(|key| key.clone().into()));
    let rows = rows(conn, sql, values).await?;
    let first = rows
        .first()
        .ok_or(Error::Internal(Cause::text("expected one row, got none")))?;
    if db.is_postgres() {
        pools::lossless(&first.try_get::<String>("", "durability")?)?;
    }
    let epoch = db.epoch_in(first)?;
    let mut held = BTreeMap::new();
    for row in &rows {
        let Some(key) = row.try_get::<Option<String>>("", "root")? else {
            continue;
        };
        if let Some(root) = roots.get(&key) {
            let revision = number(row.try_get("", "revision")?);
            let stamp = row.try_get("", "stamp")?;
            held.insert(
                key,
                Held {
                    root: root.clone(),
                    revision,
                    stamp,
                    changes: Vec::new(),
                },
            );
        }
    }
    Ok((epoch, held))
}

impl WriteTx {
    /// Takes a shared lock on a root until this transaction ends: others cannot write under it. Roots are
    /// locked in the order of their texts, those that are written first. SQLite has a single writer anyway.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn share(&self, root: &ScopeRoot) -> Result<(), Error> {
        if self.conn.get_database_backend() == DbBackend::Postgres {
            let sql = "SELECT 1 AS one FROM revision WHERE root = $1 FOR SHARE";
            row(&self.conn, sql, vec![root.to_string().into()]).await?;
        }
        Ok(())
    }
    /// The connection, for entities and statements.
    #[must_use]
    pub fn conn(&self) -> &Conn {
        &self.conn
    }
    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }
    /// The epoch that its revisions are counted in.
    #[must_use]
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }
    /// The roots that it holds.
    #[must_use]
    pub fn roots(&self) -> Vec<ScopeRoot> {
        self.held.values().map(|held| held.root.clone()).collect()
    }
    /// Adds a change to those that the commit publishes for a root.
    ///
    /// # Errors
    /// The transaction does not hold the root.
    pub fn emit(&mut self, root: &ScopeRoot, change: Vec<u8>) -> Result<(), Error> {
        let held = self.held.get_mut(&root.to_string());
        let held = held.ok_or_else(|| Error::RootNotHeld(root.clone()))?;
        held.changes.push(change);
        Ok(())
    }
    /// The revision that a root has before this write.
    ///
    /// # Errors
    /// The transaction does not hold the root.
    pub fn revision(&self, root: &ScopeRoot) -> Result<u64, Error> {
        let held = self.held.get(&root.to_string());
        Ok(held.ok_or_else(|| Error::RootNotHeld(root.clone()))?.revision)
    }
    /// The revision that this write gives a root, where it emits a change for it.
    ///
    /// # Errors
    /// The transaction does not hold the root.
    pub fn next_revision(&self, root: &ScopeRoot) -> Result<u64, Error> {
        Ok(self.revision(root)? + 1)
    }
    /// Commits: increments the revision of every root with changes, writes one outbox row for each, and gives
    /// them positions. It runs to its end also when the caller is cancelled.
    ///
    /// # Errors
    /// The database is unavailable, an earlier statement failed, or the outcome is not known.
    pub async fn commit(self) -> Result<Committed, Error> {
        self.commit_then(true).await
    }
    /// Commits like a process that crashes right after: the changes are stored without positions. For tests.
    ///
    /// # Errors
    /// As [`Self::commit`].
    #[doc(hidden)]
    pub async fn commit_without_sequencing(self) -> Result<Committed, Error> {
        self.commit_then(false).await
    }
    /// Rolls back at once; dropping does so when the connection is used next.
    ///
    /// # Errors
    /// The database is unavailable; it rolls back then too.
    pub async fn rollback(self) -> Result<(), Error> {
        Ok(self.conn.rollback().await?)
    }
    async fn commit_then(self, sequence: bool) -> Result<Committed, Error> {
        let (send, receive) = oneshot::channel();
        let db = self.db.clone();
        db.inner.tasks.clone().spawn(async move {
            let result = self.finish(sequence).await;
            let changed = result
                .as_ref()
                .is_ok_and(|committed| !committed.revisions.is_empty());
            if changed {
                db.inner.unsequenced.store(true, Ordering::SeqCst);
                db.inner.hints.committed();
            }
            // A cancelled caller needs no result.
            let _ = send.send(result);
            if changed && sequence {
                sequencer::after_commit(&db).await;
            }
        });
        receive
            .await
            .map_err(|error| Error::OutcomeUnknown(Cause::new(error)))?
    }
    async fn finish(self, sequence: bool) -> Result<Committed, Error> {
        if self.conn.has_failed() {
            return Err(Error::Internal(Cause::text(
                "a statement of the transaction has failed",
            )));
        }
        let (changed, seen): (Vec<Held>, Vec<Held>) =
            self.held.into_values().partition(|held| !held.changes.is_empty());
        if !changed.is_empty() {
            let stamps = increment(&self.conn, &changed).await?;
            let now = self.db.clock().now();
            let rows: Vec<NewRow<'_>> = changed
                .iter()
                .zip(stamps)
                .map(|(held, stamp)| NewRow {
                    root: &held.root,
                    revision: held.revision + 1,
                    stamp,
                    stamp_before: held.stamp,
                    payload: outbox::encode(&held.changes),
                })
                .collect();
            outbox::insert(&self.conn, rows, now).await?;
            if sequence && !self.db.is_postgres() {
                // With a single writer nothing can commit in between, and one fsync is enough.
                sequencer::give_positions(&self.conn).await?;
            }
        }
        self.conn.commit().await.map_err(commit_error)?;
        Ok(Committed {
            service: self.db.service(),
            epoch: self.epoch,
            revisions: changed
                .into_iter()
                .map(|held| (held.root, held.revision + 1))
                .collect(),
            seen: seen.into_iter().map(|held| (held.root, held.revision)).collect(),
        })
    }
}

/// Counts the revisions up and returns their new stamps, which the database draws.
async fn increment(conn: &Conn, changed: &[Held]) -> Result<Vec<i64>, Error> {
    let sql = format!(
        "UPDATE revision SET revision = revision + 1, stamp = {} WHERE root IN ({}) RETURNING root, stamp",
        new_stamp_sql(conn.get_database_backend()),
        placeholders(1, changed.len())
    );
    let keys: Vec<String> = changed.iter().map(|held| held.root.to_string()).collect();
    let values = keys.iter().cloned().map(Value::from).collect();
    let mut stamps: BTreeMap<String, i64> = BTreeMap::new();
    for row in rows(conn, sql, values).await? {
        stamps.insert(row.try_get("", "root")?, row.try_get("", "stamp")?);
    }
    let stamps = keys.iter().map(|key| stamps.get(key).copied());
    stamps
        .collect::<Option<_>>()
        .ok_or(Error::Internal(Cause::text("a locked revision row was deleted")))
}

/// A commit without an answer may have succeeded.
fn commit_error(error: DbErr) -> Error {
    match Error::from(error) {
        Error::Unavailable(cause) => Error::OutcomeUnknown(cause),
        other => other,
    }
}
