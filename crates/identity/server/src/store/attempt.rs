//! Attempts in the database. Counters are found by digests of what they count.

use async_trait::async_trait;
use bailiwick_identity_core::{
    attempt::{AddressAttempts, Limit, Reader, Writer, address_key},
    secret::Digest,
};
use bailiwick_sql::{Error, execute};
use bailiwick_types::{EmailKey, StoreError, Timestamp, UserId};
use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait};

use super::{
    Connected, Sql, SqlWrite,
    entity::{sign_in_address, sign_in_counter},
    store_error, stored,
};

impl TryFrom<sign_in_address::Model> for AddressAttempts {
    type Error = Error;
    fn try_from(row: sign_in_address::Model) -> Result<Self, Error> {
        Ok(Self {
            ends: Timestamp(row.ends_at),
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            locked: row.locked_at.map(Timestamp),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn counter_end(&self, counter: &Digest) -> Result<Option<Timestamp>, StoreError> {
        let query = sign_in_counter::Entity::find_by_id(bytes(counter));
        let row = query.one(self.conn()).await.map_err(store_error)?;
        Ok(row.map(|row| Timestamp(row.ends_at)))
    }
    async fn address_attempts(&self, address: &Digest) -> Result<Option<AddressAttempts>, StoreError> {
        self.one(sign_in_address::Entity::find_by_id(bytes(address)))
            .await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn take(
        &mut self,
        counter: &Digest,
        address: Option<&Digest>,
        limit: Limit,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Changes no row where the window goes on and nothing is left in it.
        let sql = "INSERT INTO sign_in_counter (counter, address, taken, ends_at) VALUES ($1, $5, 1, $2) \
                   ON CONFLICT (counter) DO UPDATE SET \
                   taken = CASE WHEN sign_in_counter.ends_at <= $3 THEN 1 \
                   ELSE sign_in_counter.taken + 1 END, \
                   ends_at = CASE WHEN sign_in_counter.ends_at <= $3 THEN $2 \
                   ELSE sign_in_counter.ends_at END \
                   WHERE sign_in_counter.ends_at <= $3 OR sign_in_counter.taken < $4";
        let ends = now.plus(limit.window);
        let values = vec![
            bytes(counter).into(),
            ends.0.into(),
            now.0.into(),
            number(limit.most).into(),
            address.map(bytes).into(),
        ];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn give_back(&mut self, counter: &Digest) -> Result<(), StoreError> {
        let sql = "UPDATE sign_in_counter SET taken = taken - 1 WHERE counter = $1 AND taken > 0";
        execute(self.conn(), sql, vec![bytes(counter).into()]).await?;
        Ok(())
    }
    async fn take_of_address(
        &mut self,
        address: &Digest,
        user: Option<UserId>,
        limit: Limit,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO sign_in_address (address, user_id, taken, ends_at, failures) \
                   VALUES ($1, $5, 1, $2, 0) ON CONFLICT (address) DO UPDATE SET \
                   user_id = COALESCE(sign_in_address.user_id, excluded.user_id), \
                   taken = CASE WHEN sign_in_address.ends_at <= $3 THEN 1 \
                   ELSE sign_in_address.taken + 1 END, \
                   ends_at = CASE WHEN sign_in_address.ends_at <= $3 THEN $2 \
                   ELSE sign_in_address.ends_at END \
                   WHERE sign_in_address.ends_at <= $3 OR sign_in_address.taken < $4";
        let ends = now.plus(limit.window);
        let values = vec![
            bytes(address).into(),
            ends.0.into(),
            now.0.into(),
            number(limit.most).into(),
            user.map(UserId::uuid).into(),
        ];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn count_failure(&mut self, address: &Digest, most: u32) -> Result<bool, StoreError> {
        let sql = "UPDATE sign_in_address SET failures = failures + 1 WHERE address = $1 AND failures < $2";
        let values = vec![bytes(address).into(), number(most).into()];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn give_back_of_address(&mut self, address: &Digest, succeeded: bool) -> Result<(), StoreError> {
        let sql = "UPDATE sign_in_address SET taken = CASE WHEN taken > 0 THEN taken - 1 ELSE 0 END, \
                   failures = CASE WHEN $2 OR failures = 0 THEN 0 ELSE failures - 1 END WHERE address = $1";
        execute(self.conn(), sql, vec![bytes(address).into(), succeeded.into()]).await?;
        Ok(())
    }
    async fn lock_address(
        &mut self,
        address: &Digest,
        most: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE sign_in_address SET locked_at = $3 \
                   WHERE address = $1 AND failures >= $2 AND locked_at IS NULL";
        let values = vec![bytes(address).into(), number(most).into(), now.0.into()];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn clear_failures(&mut self, email: &EmailKey) -> Result<(), StoreError> {
        let address = bytes(&address_key(email));
        for sql in [
            "DELETE FROM sign_in_counter WHERE address = $1",
            "DELETE FROM sign_in_address WHERE address = $1",
        ] {
            execute(self.conn(), sql, vec![address.clone().into()]).await?;
        }
        Ok(())
    }
    async fn purge_counters(&mut self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        // What an attempt holds just now is left to the next time: the two lock in different orders.
        let free = match self.conn().get_database_backend() {
            DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
            _ => "",
        };
        let counters = format!(
            "DELETE FROM sign_in_counter WHERE counter IN \
             (SELECT counter FROM sign_in_counter WHERE ends_at <= $1 \
             ORDER BY ends_at LIMIT $2 {free}) AND ends_at <= $1"
        );
        let addresses = format!(
            "DELETE FROM sign_in_address WHERE address IN \
             (SELECT address FROM sign_in_address WHERE ends_at <= $1 \
             AND (user_id IS NULL OR failures = 0) ORDER BY ends_at LIMIT $2 {free}) AND ends_at <= $1"
        );
        let mut most = 0;
        for sql in [&counters, &addresses] {
            let values = vec![now.0.into(), stored(limit).into()];
            most = most.max(execute(self.conn(), sql, values).await?);
        }
        Ok(most)
    }
}

fn bytes(digest: &Digest) -> Vec<u8> {
    digest.as_bytes().to_vec()
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
