//! Answered requests in the database.

use async_trait::async_trait;
use bailiwick_identity_core::request::{Answered, Reader, RequestKey, Writer};
use bailiwick_sql::Error;
use bailiwick_types::{StoreError, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict};

use super::{
    Connected, Sql, SqlWrite,
    entity::{answered_request, digest},
    store_error,
};

impl TryFrom<answered_request::Model> for Answered {
    type Error = Error;
    fn try_from(row: answered_request::Model) -> Result<Self, Error> {
        Ok(Self {
            content: digest("answered_request", "content", row.content)?,
            made: row.made,
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn answered(&self, request: &RequestKey) -> Result<Option<Answered>, StoreError> {
        let key = request.key.as_bytes().to_vec();
        self.one(answered_request::Entity::find_by_id(key)).await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn record_request(
        &mut self,
        request: &RequestKey,
        made: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = answered_request::Model {
            request: request.key.as_bytes().to_vec(),
            content: request.content.as_bytes().to_vec(),
            made: made.to_owned(),
            recorded_at: now.0,
        };
        let keep = OnConflict::column(answered_request::Column::Request)
            .do_nothing()
            .to_owned();
        let insert = answered_request::Entity::insert(row.into_active_model()).on_conflict(keep);
        let inserted = insert.exec_without_returning(self.conn()).await;
        Ok(inserted.map_err(store_error)? == 1)
    }
    async fn purge_requests(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let delete =
            answered_request::Entity::delete_many().filter(answered_request::Column::RecordedAt.lt(before.0));
        let done = delete.exec(self.conn()).await.map_err(store_error)?;
        Ok(done.rows_affected)
    }
}
