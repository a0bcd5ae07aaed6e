//! What is known of a workspace at an account that it has left.

use bailiwick_sql::{Error, query};
use bailiwick_types::AccountId;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::tx::{ReadConn, Tx};

/// The account, other than the one at which a workspace is told, whose row of it is in use or has something
/// in it; none where the workspace is known at the account and not deleted there. It is looked for in the
/// account first from which the workspace moved last.
///
/// # Errors
/// The database fails.
pub(crate) async fn left_at(
    conn: &impl ConnectionTrait,
    workspace: Uuid,
    (at, moved_from): (AccountId, Option<AccountId>),
) -> Result<Option<AccountId>, Error> {
    let has = |table: &str| {
        format!("EXISTS (SELECT 1 FROM {table} c WHERE c.account_id = p.account_id AND c.scope_id = p.id)")
    };
    let sql = format!(
        "SELECT p.account_id FROM place p WHERE p.id = $1 AND p.account_id <> $2 \
         AND NOT EXISTS (SELECT 1 FROM place o WHERE o.account_id = $2 AND o.id = $1 AND o.state <> 4) \
         AND (p.state <> 4 OR {} OR {} OR {}) \
         ORDER BY CASE WHEN p.account_id = $3 THEN 0 WHEN p.state <> 4 THEN 1 ELSE 2 END, p.version DESC \
         LIMIT 1",
        has("resource"),
        has("binding"),
        has("entitlement"),
    );
    let from = moved_from.map_or(Uuid::nil(), AccountId::uuid);
    let values = vec![workspace.into(), at.uuid().into(), from.into()];
    let rows = query(conn, sql, values).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let account: Uuid = row.try_get("", "account_id")?;
    Ok(Some(AccountId::from_uuid(account)))
}

impl<T: ReadConn> Tx<T> {
    /// The same, as the transaction sees it.
    pub(crate) async fn left_at(
        &self,
        workspace: Uuid,
        accounts: (AccountId, Option<AccountId>),
    ) -> Result<Option<AccountId>, Error> {
        left_at(self.conn(), workspace, accounts).await
    }
}
