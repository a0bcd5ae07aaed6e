//! Reading transactions.

use std::sync::Arc;

use crate::{
    Conn, Db, Error, Revision,
    conn::{number, of_feed, placeholders, rows},
    epoch::epoch_sql,
    error::Cause,
    settings::{Scope, Unit},
};
use bailiwick_types::ScopeRoot;

/// A snapshot: everything that is read through it was true at one instant. Dropping it ends it.
#[derive(Debug)]
pub struct ReadTx {
    conn: Conn,
    db: Db,
}

/// The revisions of roots in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The epoch of the database's feed.
    pub epoch: Arc<str>,
    /// The revisions of the roots that were asked for, in that order; 0 for one that never changed.
    pub revisions: Vec<u64>,
    /// Their stamps, in the same order.
    pub stamps: Vec<i64>,
}

impl Standing {
    /// The revision of the nth root that was asked for.
    #[must_use]
    pub fn at(&self, n: usize) -> Revision {
        Revision {
            number: self.revisions.get(n).copied().unwrap_or(0),
            stamp: self.stamps.get(n).copied().unwrap_or(0),
        }
    }
}

impl Db {
    /// Begins to read the data of a root. On PostgreSQL row-level security limits it to the rows of that
    /// account.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn begin_read(&self, root: &ScopeRoot) -> Result<ReadTx, Error> {
        self.read(Scope::of(std::slice::from_ref(root))).await
    }
    /// Begins to read across accounts: for the operator's lists, "my accounts", snapshots of the
    /// feed and purges.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn begin_read_across(&self) -> Result<ReadTx, Error> {
        self.read(Scope::across()).await
    }
    async fn read(&self, scope: Scope) -> Result<ReadTx, Error> {
        let db = self.clone();
        // Not cancelled with the caller: a connection whose BEGIN is cut off returns to the pool with an open
        // transaction.
        let begun = self.inner.tasks.spawn(async move {
            let conn = db.inner.pools.begin(&Unit::Read(scope)).await?;
            Ok::<_, Error>(ReadTx { conn, db })
        });
        begun.await.map_err(|error| Error::Internal(Cause::new(error)))?
    }
}

impl ReadTx {
    /// The connection, for entities and statements.
    #[must_use]
    pub fn conn(&self) -> &Conn {
        &self.conn
    }
    /// The database that it is of.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }
    /// The epoch and the revisions of roots in this snapshot.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn standing(&self, roots: &[ScopeRoot]) -> Result<Standing, Error> {
        let sql = format!(
            "SELECT {} AS epoch, r.root AS root, r.revision AS revision, r.stamp AS stamp FROM feed_state s \
             LEFT JOIN revision r ON r.root IN ({})",
            epoch_sql(self.db.backend()),
            if roots.is_empty() {
                "NULL".to_owned()
            } else {
                placeholders(1, roots.len())
            },
        );
        let values = roots.iter().map(|root| root.to_string().into()).collect();
        let rows = rows(&self.conn, sql, values).await?;
        let epoch = self.db.epoch_in(of_feed(rows.first())?)?;
        let (mut revisions, mut stamps) = (vec![0; roots.len()], vec![0; roots.len()]);
        for row in &rows {
            let Some(root) = row.try_get::<Option<String>>("", "root")? else {
                continue;
            };
            let revision = number(row.try_get("", "revision")?);
            let stamp: i64 = row.try_get("", "stamp")?;
            for ((slot, of), asked) in revisions.iter_mut().zip(&mut stamps).zip(roots) {
                if asked.to_string() == root {
                    (*slot, *of) = (revision, stamp);
                }
            }
        }
        Ok(Standing {
            epoch,
            revisions,
            stamps,
        })
    }
}
