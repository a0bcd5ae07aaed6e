//! Suspensions, restrictions and deletions that are under way.

use async_trait::async_trait;
use bailiwick_sql::{Error, rows};
use bailiwick_tenancy_core::{
    State,
    closing::{Closing, Reader, Unfinished, Writer},
};
use bailiwick_types::{Scope, StoreError, Timestamp, Token};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    convert::{closing_row, stored},
    entity::closing::{Column, Entity},
    store_error,
    unit::{AllUnit, Tx, Unit, WriteUnit},
};

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_closing(&mut self, scope: &Scope) -> Result<Option<Closing>, StoreError> {
        let select = Entity::find_by_id((self.account().uuid(), scope.uuid().unwrap_or_default()));
        let row = select.one(self.conn()).await.map_err(store_error)?;
        Ok(row.map(|row| self.value(row)).transpose()?)
    }
    async fn token(&mut self) -> Result<Token, StoreError> {
        self.token_now().await
    }
}

#[async_trait]
impl Unfinished for AllUnit {
    async fn unfinished(&mut self, begun_until: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError> {
        let select = Entity::find()
            .filter(Column::BegunAt.lte(begun_until.0))
            .order_by_asc(Column::BegunAt)
            .order_by_asc(Column::ScopeId)
            .limit(limit);
        let rows = select.all(self.0.conn()).await.map_err(store_error)?;
        let closings = rows.into_iter().map(Closing::try_from);
        Ok(closings.collect::<Result<_, Error>>()?)
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError> {
        self.check(closing)?;
        Ok(rows::insert(self.conn(), closing_row(closing)).await?)
    }
    async fn remove_closing(&mut self, closing: &Closing) -> Result<bool, StoreError> {
        self.check(closing)?;
        let key = (closing.account.uuid(), closing.scope.uuid().unwrap_or_default());
        let delete = Entity::delete_by_id(key)
            .filter(Column::Version.eq(stored(closing.version)))
            .filter(Column::Deleted.eq(closing.deletes()))
            .filter(Column::Restricted.eq(closing.to == State::Restricted));
        let done = delete.exec(self.conn()).await.map_err(store_error)?;
        Ok(done.rows_affected == 1)
    }
}
