//! How far the audit log has got in the feed of a service.

use bailiwick_sql::{Conn, Cursor, Error, execute, query};
use bailiwick_types::Service;

use super::AuditStore;
use crate::store::convert::{number, stored};

impl AuditStore {
    /// How far the audit log has got in a feed; nothing where it has not begun.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn cursor(&self, source: Service) -> Result<Option<Cursor>, Error> {
        let sql = "SELECT epoch, position FROM audit_cursor WHERE source = $1";
        let rows = query(self.db.load(), sql, vec![source.as_str().into()]).await?;
        let row = rows.first();
        row.map(|row| {
            Ok(Cursor {
                epoch: row.try_get::<String>("", "epoch")?.into(),
                position: number(row.try_get("", "position")?),
            })
        })
        .transpose()
    }
}

/// Moves the cursor in the transaction that appends. False: another replica was there first.
pub(super) async fn advance(
    conn: &Conn,
    source: Service,
    from: Option<&Cursor>,
    to: &Cursor,
) -> Result<bool, Error> {
    let mut values = vec![
        source.as_str().into(),
        (*to.epoch).into(),
        stored(to.position).into(),
    ];
    let sql = if let Some(from) = from {
        values.extend([(*from.epoch).into(), stored(from.position).into()]);
        "UPDATE audit_cursor SET epoch = $2, position = $3 WHERE source = $1 AND epoch = $4 AND position = $5"
    } else {
        "INSERT INTO audit_cursor (source, epoch, position) VALUES ($1, $2, $3) ON CONFLICT (source) DO NOTHING"
    };
    Ok(execute(conn, sql, values).await? == 1)
}
