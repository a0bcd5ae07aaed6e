//! Rows of the outbox: one a revision, with all changes in it.

use bailiwick_types::{ScopeRoot, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::{
    Error, WriteTx,
    conn::{execute, number, placeholders, rows, stored},
};

/// The first byte of a payload.
const FORMAT: u8 = 1;
/// Few enough for the bound values of both engines.
const ROWS_A_STATEMENT: usize = 1000;

/// A committed revision of a root with its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Ids follow causality: what was written after another row was visible has a higher one.
    pub id: u64,
    /// What has changed.
    pub root: ScopeRoot,
    /// The revision that the root has since.
    pub revision: u64,
    /// The stamp of that revision.
    pub stamp: i64,
    /// The stamp of the revision before: a reader that knows another one follows another history.
    pub stamp_before: i64,
    /// Its place in the feed, once the sequencer has given it one.
    pub position: Option<u64>,
    /// When it was written.
    pub created_at: Timestamp,
    /// The changes as they were emitted.
    pub changes: Vec<Vec<u8>>,
}

pub(crate) const COLUMNS: &str =
    "o.id, o.root, o.revision, o.stamp, o.stamp_before, o.position, o.created_at, o.payload";

impl OutboxRow {
    /// The rows that are joined to the one of `feed_state`.
    pub(crate) fn joined(rows: &[QueryResult]) -> Result<Vec<Self>, Error> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            if row.try_get::<Option<i64>>("", "id")?.is_some() {
                found.push(Self::read(row)?);
            }
        }
        Ok(found)
    }
    pub(crate) fn read(row: &QueryResult) -> Result<Self, Error> {
        let id = number(row.try_get("", "id")?);
        let root: String = row.try_get("", "root")?;
        let payload: Vec<u8> = row.try_get("", "payload")?;
        Ok(Self {
            id,
            root: root
                .parse()
                .map_err(|error| Error::corrupt("outbox", "root", id, error))?,
            revision: number(row.try_get("", "revision")?),
            stamp: row.try_get("", "stamp")?,
            stamp_before: row.try_get("", "stamp_before")?,
            position: row.try_get::<Option<i64>>("", "position")?.map(number),
            created_at: Timestamp(row.try_get("", "created_at")?),
            changes: decode(&payload)
                .ok_or_else(|| Error::corrupt("outbox", "payload", id, "is not a list of changes"))?,
        })
    }
}

/// Format byte, then each change as its length (4 bytes, big endian) and its bytes.
pub(crate) fn encode(changes: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + changes.iter().map(|c| c.len() + 4).sum::<usize>());
    out.push(FORMAT);
    for change in changes {
        out.extend(u32::try_from(change.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(change);
    }
    out
}

pub(crate) fn decode(payload: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (format, mut rest) = payload.split_first()?;
    if *format != FORMAT {
        return None;
    }
    let mut changes = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (change, tail) = tail.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        changes.push(change.to_vec());
        rest = tail;
    }
    rest.is_empty().then_some(changes)
}

/// A row before it is written.
#[derive(Debug)]
pub(crate) struct NewRow<'a> {
    pub(crate) root: &'a ScopeRoot,
    pub(crate) revision: u64,
    pub(crate) stamp: i64,
    pub(crate) stamp_before: i64,
    pub(crate) payload: Vec<u8>,
}

/// Values of a row.
const COLUMNS_WRITTEN: usize = 6;

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    rows: Vec<NewRow<'_>>,
    now: Timestamp,
) -> Result<(), Error> {
    for part in rows.chunks(ROWS_A_STATEMENT) {
        let mut values: Vec<Value> = Vec::with_capacity(part.len() * COLUMNS_WRITTEN);
        let mut tuples = Vec::with_capacity(part.len());
        for (n, row) in part.iter().enumerate() {
            tuples.push(format!(
                "({})",
                placeholders(n * COLUMNS_WRITTEN + 1, COLUMNS_WRITTEN)
            ));
            values.extend([
                row.root.to_string().into(),
                stored(row.revision),
                row.stamp.into(),
                row.stamp_before.into(),
                row.payload.clone().into(),
                now.0.into(),
            ]);
        }
        let sql = format!(
            "INSERT INTO outbox (root, revision, stamp, stamp_before, payload, created_at) VALUES {}",
            tuples.join(", ")
        );
        execute(conn, sql, values).await?;
    }
    Ok(())
}

/// Rows that are looked at at once.
const REWRITTEN: u64 = 500;

impl WriteTx {
    /// Rewrites what was published for a root since an instant: `with` answers what a change becomes, or
    /// nothing where it stays. Revisions, stamps and positions stay as they are, so that readers go on as
    /// before.
    ///
    /// # Errors
    /// The transaction does not hold the root, or the database is unavailable.
    pub async fn rewrite(
        &self,
        root: &ScopeRoot,
        since: Timestamp,
        with: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync,
    ) -> Result<(), Error> {
        let (last, mut after) = (self.revision(root)?, 0);
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox o WHERE o.root = $1 AND o.revision > $2 AND o.revision <= $3 \
             AND o.created_at >= $4 ORDER BY o.revision LIMIT {REWRITTEN}"
        );
        loop {
            let values = vec![
                root.to_string().into(),
                stored(after),
                stored(last),
                since.0.into(),
            ];
            let part = rows(self.conn(), sql.clone(), values).await?;
            for row in &part {
                let row = OutboxRow::read(row)?;
                after = row.revision;
                let changes: Vec<Option<Vec<u8>>> = row.changes.iter().map(|change| with(change)).collect();
                if changes.iter().all(Option::is_none) {
                    continue;
                }
                let changes = changes.into_iter().zip(row.changes);
                let changes: Vec<Vec<u8>> = changes.map(|(new, old)| new.unwrap_or(old)).collect();
                let sql = "UPDATE outbox SET payload = $1 WHERE id = $2";
                execute(self.conn(), sql, vec![encode(&changes).into(), stored(row.id)]).await?;
            }
            if (part.len() as u64) < REWRITTEN {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_as_it_was_written_and_not_when_it_is_cut() {
        let changes = vec![b"one".to_vec(), Vec::new(), vec![0; 300]];
        let bytes = encode(&changes);
        assert_eq!(decode(&bytes), Some(changes));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[9]), None);
    }
}
