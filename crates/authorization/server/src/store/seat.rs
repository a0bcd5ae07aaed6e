//! Seats that end.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    seat::{Reader, Writer},
};
use bailiwick_types::{Timestamp, UserId};

use super::{
    store_error,
    tx::{ReadConn, Tx, WriteConn},
};

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn endings(&self) -> Result<Vec<Timestamp>, StoreError> {
        let account = self.account_id()?;
        let sql = "SELECT ends_at FROM seat_ending WHERE account_id = $1 ORDER BY ends_at";
        let rows = self.rows(sql, vec![account.uuid().into()]).await?;
        rows.iter()
            .map(|row| Ok(Timestamp(row.try_get("", "ends_at").map_err(store_error)?)))
            .collect()
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_ending(&mut self, user: UserId, at: Timestamp) -> Result<(), StoreError> {
        let account = self.account_id()?;
        let sql = "INSERT INTO seat_ending (account_id, user_id, ends_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (account_id, user_id, ends_at) DO NOTHING";
        self.run(sql, vec![account.uuid().into(), user.uuid().into(), at.0.into()])
            .await?;
        Ok(())
    }
    async fn forget_endings(&mut self, until: Timestamp) -> Result<(), StoreError> {
        let account = self.account_id()?;
        let sql = "DELETE FROM seat_ending WHERE account_id = $1 AND ends_at <= $2";
        self.run(sql, vec![account.uuid().into(), until.0.into()]).await?;
        Ok(())
    }
}
