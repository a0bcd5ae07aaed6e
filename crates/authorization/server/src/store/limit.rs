//! How much an account has.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError, approval, invitation,
    limit::{Counted, Reader, Used},
};
use bailiwick_types::{Subject, Timestamp};
use sea_orm::{QueryResult, Value};

use super::{
    convert::At,
    store_error,
    tx::{ReadConn, Tx},
};

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn used(&self) -> Result<Used, StoreError> {
        let account = self.account_id()?;
        let sql = "SELECT kind, used FROM account_usage WHERE account_id = $1";
        let at = At::new("account_usage", &account);
        let used = |row: &QueryResult| -> Result<(Counted, u64), StoreError> {
            let kind: i16 = row.try_get("", "kind").map_err(store_error)?;
            let used: i64 = row.try_get("", "used").map_err(store_error)?;
            Ok((
                at.known("kind", Counted::from_code(kind))?,
                at.number("used", used)?,
            ))
        };
        let rows = self.rows(sql, vec![account.uuid().into()]).await?;
        rows.iter().map(used).collect()
    }
    async fn open_invitations(
        &self,
        creator: Option<&Subject>,
        now: Timestamp,
        enough: u64,
    ) -> Result<u64, StoreError> {
        let of = creator.map_or("", |_| "AND creator = $4");
        let pending = invitation::State::Pending.code();
        let open = format!("invitation WHERE account_id = $1 AND state = {pending} AND expires_at > $3 {of}");
        self.count_up_to(&open, enough, vec![now.0.into()], creator).await
    }
    async fn pending_approvals(&self, requester: Option<&Subject>, enough: u64) -> Result<u64, StoreError> {
        let of = requester.map_or("", |_| "AND subject = $3");
        let pending = approval::State::Pending.code();
        let open = format!("approval WHERE account_id = $1 AND state = {pending} {of}");
        self.count_up_to(&open, enough, vec![], requester).await
    }
}

impl<T: ReadConn> Tx<T> {
    /// Counts rows of the account by an index, and stops where there are enough: `$1` is the account, `$2`
    /// how many are.
    async fn count_up_to(
        &self,
        rows: &str,
        enough: u64,
        more: Vec<Value>,
        of: Option<&Subject>,
    ) -> Result<u64, StoreError> {
        let account = self.account_id()?;
        let enough = i64::try_from(enough).unwrap_or(i64::MAX);
        let sql = format!("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM {rows} LIMIT $2) counted");
        let mut values: Vec<Value> = vec![account.uuid().into(), enough.into()];
        values.extend(more);
        values.extend(of.map(|of| of.as_str().into()));
        let found = self.rows(&sql, values).await?;
        let Some(row) = found.first() else { return Ok(0) };
        let count: i64 = row.try_get("", "n").map_err(store_error)?;
        Ok(At::new("account", &account).number("used", count)?)
    }
}
