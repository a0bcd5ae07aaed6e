//! What takes access away and is under way.

use async_trait::async_trait;
use bailiwick_tenancy_core::{
    closing::{Closing, Reader, Writer},
    store::StoreError,
};
use bailiwick_types::{AccountId, Scope, Timestamp, Token};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    convert::{closing_row, stored},
    entity::closing::{Column, Entity},
    error::{db_error, store_error},
    unit::{Tx, Unit, WriteUnit},
};

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_closing(
        &mut self,
        account: AccountId,
        scope: &Scope,
    ) -> Result<Option<Closing>, StoreError> {
        let key = (account.uuid(), scope.uuid().unwrap_or_default());
        let row = Entity::find_by_id(key).one(self.conn()).await.map_err(db_error)?;
        row.map(Closing::try_from).transpose().map_err(store_error)
    }
    async fn unfinished(&mut self, begun_until: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError> {
        let select = Entity::find().filter(Column::BegunAt.lte(begun_until.0));
        let select = select
            .order_by_asc(Column::BegunAt)
            .order_by_asc(Column::ScopeId)
            .limit(limit);
        let rows = select.all(self.conn()).await.map_err(db_error)?;
        rows.into_iter()
            .map(Closing::try_from)
            .collect::<Result<_, _>>()
            .map_err(store_error)
    }
    async fn token(&mut self, account: AccountId) -> Result<Token, StoreError> {
        self.token_now(account).await
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError> {
        let done = Entity::insert(closing_row(closing))
            .exec_without_returning(self.conn())
            .await;
        done.map(drop).map_err(db_error)
    }
    async fn remove_closing(&mut self, closing: &Closing) -> Result<bool, StoreError> {
        let key = (closing.account.uuid(), closing.scope.uuid().unwrap_or_default());
        let delete = Entity::delete_by_id(key)
            .filter(Column::Version.eq(stored(closing.version)))
            .filter(Column::Deleted.eq(closing.deleted));
        let done = delete.exec(self.conn()).await.map_err(db_error)?;
        Ok(done.rows_affected == 1)
    }
}
