//! A revision of a root and its stamp: a random number of the transaction that made it, so that two
//! histories that count alike differ.

use sea_orm::{DbBackend, QueryResult};

use crate::{Error, conn::number};

/// A revision of a root, with the stamp of the write that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revision {
    /// Counts up with every write of the root; 0 for one that never changed.
    pub number: u64,
    /// Random; 0 for a root that never changed.
    pub stamp: i64,
}

impl Revision {
    /// The scalar SQL expression for the revision of the root that `root` is an SQL expression for, to be put
    /// into a statement that reads something else too. One look into the table returns number and stamp.
    #[must_use]
    pub fn sql(root: &str) -> String {
        format!(
            "COALESCE((SELECT CAST(revision AS text) || ':' || CAST(stamp AS text) FROM revision WHERE root = {root}), '0:0')"
        )
    }
    /// Reads a column that [`Self::sql`] has made.
    ///
    /// # Errors
    /// There is no such column, or it contains something else.
    pub fn read(row: &QueryResult, column: &str) -> Result<Self, Error> {
        let text: String = row.try_get("", column)?;
        let parsed = text.split_once(':').and_then(|(revision, stamp)| {
            Some(Self {
                number: number(revision.parse().ok()?),
                stamp: stamp.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| Error::corrupt("revision", "revision", text, "is not a revision with its stamp"))
    }
}

/// The SQL expression for a new stamp.
pub(crate) fn new_stamp_sql(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        "hashtextextended(gen_random_uuid()::text, 0)"
    } else {
        "random()"
    }
}
