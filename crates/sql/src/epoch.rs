//! The epoch of a feed: which history its positions and revisions belong to.
//!
//! Nothing that a dump contains may name it alone, or a restored database would have the epoch of before. It
//! is a stored id; on PostgreSQL also
//!
//! - the system identifier of the cluster: changed by a restore into another cluster;
//! - the oids of the database and of the table: changed by `pg_restore --create` and `--clean`;
//! - the `xmin` of the row, for identity and not for order: changed by a restore of the data alone. Freezing
//!   keeps it, and nothing but [`Db::rotate_epoch`] writes the row;
//! - the timeline of the current WAL file: changed by a recovery to a point in time and by the promotion of a
//!   standby. The timeline of the last checkpoint would not do: it lags behind a promotion.
//!
//! An SQLite file that was copied back contains all that it has of these, but is another file, made at
//! another time: the row says which one it belongs to, and [`Db::notice_copy`] gives another file a new
//! stored id. A snapshot of a file system contains that too: there `bailiwick database restored` gives one.

use std::{
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::UNIX_EPOCH,
};

use sea_orm::{DbBackend, QueryResult};

use crate::{
    Db, Error,
    conn::{execute, of_feed, row},
    error::Cause,
};

const STANDBY: &str = "standby";

/// The scalar SQL expression for the epoch, to be put into a statement that reads something else too.
#[must_use]
pub fn epoch_sql(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        "(SELECT f.id || '.' || (SELECT system_identifier FROM pg_control_system()) || '.' || \
         (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) || '-' || f.tableoid || '-' || \
         f.xmin || '.' || \
         CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END \
         FROM feed_epoch f)"
    } else {
        "(SELECT f.id FROM feed_epoch f)"
    }
}

/// The epoch that was seen last in this process.
#[derive(Debug, Default)]
pub(crate) struct LastSeen(RwLock<Option<Arc<str>>>);

impl LastSeen {
    /// Checks and remembers an epoch that was just read.
    pub(crate) fn saw(&self, epoch: &str) -> Result<Arc<str>, Error> {
        if epoch.ends_with(STANDBY) {
            // What a standby says may be older than what the primary has acknowledged.
            return Err(Error::Unavailable(Cause::text("the database is a standby")));
        }
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(seen) = seen.filter(|seen| **seen == *epoch) {
            return Ok(seen);
        }
        let epoch: Arc<str> = epoch.into();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&epoch));
        Ok(epoch)
    }
    fn get(&self) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Db {
    /// Reads the epoch of this database's feed.
    ///
    /// # Errors
    /// The database is unavailable or is a standby.
    pub async fn epoch(&self) -> Result<Arc<str>, Error> {
        let sql = format!("SELECT {} AS epoch", epoch_sql(self.backend()));
        let row = row(self.load(), sql, vec![]).await?;
        self.epoch_in(&of_feed(row)?)
    }
    /// The epoch in a row that was just read.
    pub(crate) fn epoch_in(&self, row: &QueryResult) -> Result<Arc<str>, Error> {
        self.observe_epoch(&row.try_get::<String>("", "epoch")?)
    }
    /// The epoch as it was read last by anything in this process; none before the first read.
    #[must_use]
    pub fn last_epoch(&self) -> Option<Arc<str>> {
        self.inner.epoch.get()
    }
    /// Checks and remembers an epoch that a statement of a store returned (see [`epoch_sql`]).
    ///
    /// # Errors
    /// It is that of a standby.
    pub fn observe_epoch(&self, epoch: &str) -> Result<Arc<str>, Error> {
        self.inner.epoch.saw(epoch)
    }
    /// Gives the feed of an SQLite database a new stored id where its file is not the one that the present id
    /// belongs to: it was copied, so that what was written to the other one may be missing. True where it
    /// was. A file system that does not know when a file was made tells nothing.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn notice_copy(&self) -> Result<bool, Error> {
        if self.is_postgres() {
            return Ok(false);
        }
        let sql = "SELECT d.file AS path, f.file AS known FROM feed_epoch f JOIN pragma_database_list d \
                   ON d.name = 'main'";
        let row = of_feed(row(self.load(), sql, vec![]).await?)?;
        let (path, known): (String, String) = (row.try_get("", "path")?, row.try_get("", "known")?);
        let Some(file) = file_identity(Path::new(&path)).filter(|file| *file != known) else {
            return Ok(false);
        };
        let tx = self.begin_write(&[]).await?;
        let sql = format!(
            "UPDATE feed_epoch SET id = CASE file WHEN '' THEN id ELSE {} END, file = $1 WHERE file <> $1",
            new_id_sql(self.backend())
        );
        let changed = execute(tx.conn(), sql, vec![file.into()]).await?;
        tx.commit().await?;
        self.epoch().await?;
        Ok(changed == 1 && !known.is_empty())
    }
    /// Gives the feed a new stored id: to be called after a restore that the database itself cannot
    /// notice (a copied SQLite file, a file system snapshot). All cursors and tokens of before are of
    /// another epoch then.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn rotate_epoch(&self) -> Result<Arc<str>, Error> {
        let tx = self.begin_write(&[]).await?;
        let sql = format!("UPDATE feed_epoch SET id = {}", new_id_sql(self.backend()));
        execute(tx.conn(), sql, vec![]).await?;
        tx.commit().await?;
        self.epoch().await
    }
}

/// What tells a file from every copy of it. Its inode alone does not: that of a deleted file is used again.
fn file_identity(path: &Path) -> Option<String> {
    let file = std::fs::metadata(path).ok()?;
    let made = file.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}-{}", file.ino(), made.as_nanos()))
}

/// A random id, made by the database: migrations have no id generator.
pub(crate) fn new_id_sql(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        "replace(gen_random_uuid()::text, '-', '')"
    } else {
        "lower(hex(randomblob(16)))"
    }
}
