//! Answered requests and failed sign-ins in the database. Addresses are kept as digests: what is typed into a sign-in is
//! now and then a password.

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_identity_core::{
    email::EmailKey,
    port::{AttemptReader, AttemptWriter, Failures, RequestReader, RequestWriter, StoreError},
    request::{Answered, RequestKey},
    secret::Digest,
};
use bailiwick_sql::statement;
use bailiwick_types::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{
    SqlStore, SqlUnit,
    entity::{answered_request, sign_in_failure},
    failed, row,
};

#[async_trait]
impl RequestReader for SqlStore {
    async fn answered(&self, request: &RequestKey) -> Result<Option<Answered>, StoreError> {
        let key = request.key.as_bytes().to_vec();
        let found = answered_request::Entity::find_by_id(key)
            .one(self.db.load())
            .await
            .map_err(failed)?;
        let Some(row) = found else { return Ok(None) };
        Ok(Some(Answered {
            content: row::digest("answered_request", "content", row.content)?,
            made: row.made,
        }))
    }
}

#[async_trait]
impl RequestWriter for SqlUnit {
    async fn record_request(
        &mut self,
        request: &RequestKey,
        made: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = answered_request::ActiveModel {
            request: Set(request.key.as_bytes().to_vec()),
            content: Set(request.content.as_bytes().to_vec()),
            made: Set(made.to_owned()),
            recorded_at: Set(now.0),
        };
        answered_request::Entity::insert(row)
            .exec_without_returning(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn purge_requests(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let done = answered_request::Entity::delete_many()
            .filter(answered_request::Column::RecordedAt.lt(before.0))
            .exec(self.tx.conn())
            .await;
        Ok(done.map_err(failed)?.rows_affected)
    }
}

#[async_trait]
impl AttemptReader for SqlStore {
    async fn failures(&self, email: &EmailKey) -> Result<Option<Failures>, StoreError> {
        failures(self.db.load(), email).await
    }
}

#[async_trait]
impl AttemptWriter for SqlUnit {
    async fn failures_now(&mut self, email: &EmailKey) -> Result<Option<Failures>, StoreError> {
        failures(self.tx.conn(), email).await
    }
    async fn count_failure(
        &mut self,
        email: &EmailKey,
        window: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let sql = "INSERT INTO sign_in_failure (email, failures, since) VALUES ($1, 1, $2) \
                   ON CONFLICT (email) DO UPDATE SET \
                   failures = CASE WHEN sign_in_failure.since <= $3 THEN 1 ELSE sign_in_failure.failures + 1 END, \
                   since = CASE WHEN sign_in_failure.since <= $3 THEN $2 ELSE sign_in_failure.since END";
        let values = vec![
            key(email).into(),
            now.0.into(),
            now.0.saturating_sub(window).into(),
        ];
        let conn = self.tx.conn();
        conn.execute_raw(statement(conn, sql, values))
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn clear_failures(&mut self, email: &EmailKey) -> Result<(), StoreError> {
        sign_in_failure::Entity::delete_by_id(key(email))
            .exec(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn purge_failures(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let done = sign_in_failure::Entity::delete_many()
            .filter(sign_in_failure::Column::Since.lt(before.0))
            .exec(self.tx.conn())
            .await;
        Ok(done.map_err(failed)?.rows_affected)
    }
}

fn key(email: &EmailKey) -> Vec<u8> {
    Digest::of_parts(&[email.as_str()]).as_bytes().to_vec()
}

async fn failures(conn: &impl ConnectionTrait, email: &EmailKey) -> Result<Option<Failures>, StoreError> {
    let found = sign_in_failure::Entity::find_by_id(key(email))
        .one(conn)
        .await
        .map_err(failed)?;
    Ok(found.map(|row| Failures {
        count: u32::try_from(row.failures).unwrap_or(u32::MAX),
        since: Timestamp(row.since),
    }))
}
