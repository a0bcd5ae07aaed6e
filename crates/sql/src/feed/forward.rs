//! Reading on from known revisions of a few roots: what a replica does that wants to be as far as
//! the primary now.

use std::sync::Arc;

use bailiwick_types::ScopeRoot;
use sea_orm::{ConnectionTrait, Value};

use super::Feed;
use crate::{
    Db, Error, OutboxRow, ReadTx, Revision,
    conn::{of_feed, rows, stored},
    epoch::epoch_sql,
    outbox::COLUMNS,
};

/// Where some roots stand, and what brought them there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The epoch of the feed.
    pub epoch: Arc<str>,
    /// The revisions of the roots that were asked for, in that order; 0 for one that never changed.
    pub revisions: Vec<Revision>,
    /// Rows after the revisions that were asked for, in the order of their ids, with or without positions. Of
    /// each root there are at most as many as were asked for: then they end before its revision.
    pub rows: Vec<OutboxRow>,
}

impl Feed {
    /// Reads where roots stand and at most `limit` rows of each after a revision of it, in one statement.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn forward(&self, since: &[(ScopeRoot, u64)], limit: u32) -> Result<Forward, Error> {
        forward(&self.db, self.db.load(), since, limit).await
    }
}

impl ReadTx {
    /// [`Feed::forward`] in this snapshot.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn forward(&self, since: &[(ScopeRoot, u64)], limit: u32) -> Result<Forward, Error> {
        forward(self.db(), self.conn(), since, limit).await
    }
}

async fn forward(
    db: &Db,
    conn: &impl ConnectionTrait,
    since: &[(ScopeRoot, u64)],
    limit: u32,
) -> Result<Forward, Error> {
    let mut standing = Vec::new();
    let mut parts = Vec::new();
    let mut values: Vec<Value> = vec![i64::from(limit).into()];
    for (n, (root, revision)) in since.iter().enumerate() {
        let (key, after) = (n * 2 + 2, n * 2 + 3);
        standing.push(format!("{} AS r{n}", Revision::sql(&format!("${key}"))));
        parts.push(format!(
            "SELECT * FROM (SELECT * FROM outbox WHERE root = ${key} AND revision > ${after} \
             ORDER BY revision LIMIT $1) p{n}"
        ));
        values.extend([root.to_string().into(), stored(*revision)]);
    }
    let sql = format!(
        "SELECT {epoch} AS epoch, {standing}, {COLUMNS} FROM feed_state s LEFT JOIN ({parts}) o ON TRUE ORDER BY o.id",
        epoch = epoch_sql(db.backend()),
        standing = standing.join(", "),
        parts = parts.join(" UNION ALL "),
    );
    let found = rows(conn, sql, values).await?;
    let first = of_feed(found.first())?;
    let mut revisions = Vec::with_capacity(since.len());
    for n in 0..since.len() {
        revisions.push(Revision::read(first, &format!("r{n}"))?);
    }
    Ok(Forward {
        epoch: db.epoch_in(first)?,
        revisions,
        rows: OutboxRow::joined(&found)?,
    })
}
