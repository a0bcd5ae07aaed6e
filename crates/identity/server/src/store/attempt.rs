//! Failed sign-ins in the database. Addresses are stored as digests: users now and then enter a password
//! there.

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_identity_core::{
    attempt::{Failures, Reader, Writer},
    secret::Digest,
};
use bailiwick_sql::{Error, execute, rows};
use bailiwick_types::{EmailKey, StoreError, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{Connected, Sql, SqlWrite, entity::sign_in_failure, store_error};

impl TryFrom<sign_in_failure::Model> for Failures {
    type Error = Error;
    fn try_from(row: sign_in_failure::Model) -> Result<Self, Error> {
        Ok(Self {
            count: u32::try_from(row.failures).unwrap_or(u32::MAX),
            since: Timestamp(row.since),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn failures(&self, email: &EmailKey) -> Result<Option<Failures>, StoreError> {
        self.one(sign_in_failure::Entity::find_by_id(key(email))).await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn count_failure(
        &mut self,
        email: &EmailKey,
        window: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO sign_in_failure (email, failures, since) VALUES ($1, 1, $2) \
                   ON CONFLICT (email) DO UPDATE SET \
                   failures = CASE WHEN sign_in_failure.since <= $3 THEN 1 \
                   ELSE sign_in_failure.failures + 1 END, \
                   since = CASE WHEN sign_in_failure.since <= $3 THEN $2 ELSE sign_in_failure.since END";
        let values = vec![key(email).into(), now.0.into(), now.minus(window).0.into()];
        execute(self.conn(), sql, values).await?;
        Ok(())
    }
    async fn clear_failures(&mut self, email: &EmailKey) -> Result<(), StoreError> {
        Ok(rows::delete::<sign_in_failure::Entity>(self.conn(), key(email)).await?)
    }
    async fn purge_failures(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let delete =
            sign_in_failure::Entity::delete_many().filter(sign_in_failure::Column::Since.lt(before.0));
        let done = delete.exec(self.conn()).await.map_err(store_error)?;
        Ok(done.rows_affected)
    }
}

fn key(email: &EmailKey) -> Vec<u8> {
    Digest::of_parts(&[email.as_str()]).as_bytes().to_vec()
}
