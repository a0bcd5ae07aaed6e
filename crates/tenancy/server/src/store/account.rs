//! Accounts.

use async_trait::async_trait;
use bailiwick_tenancy_core::{
    State,
    account::{Account, AccountFilter, Reader, Writer},
    listing::{Key, Query},
    store::StoreError,
};
use bailiwick_types::AccountId;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{
    convert::account_row,
    entity::account::{Column, Entity},
    error::{db_error, store_error},
    list::{Columns, page},
    unit::{Tx, Unit, WriteUnit},
};

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let select = Entity::find_by_id(id.uuid()).filter(Column::State.ne(State::Deleted.as_str()));
        let row = select.one(self.conn()).await.map_err(db_error)?;
        row.map(Account::try_from).transpose().map_err(store_error)
    }
    async fn list_accounts(
        &mut self,
        filter: &AccountFilter,
        query: &Query,
        after: Option<&Key>,
        limit: u64,
    ) -> Result<Vec<Account>, StoreError> {
        let mut select = Entity::find().filter(Column::State.ne(State::Deleted.as_str()));
        if let Some(product) = &filter.product {
            select = select.filter(Column::Product.eq(product.as_str()));
        }
        if let Some(account) = filter.account {
            select = select.filter(Column::Id.eq(account.uuid()));
        }
        let columns = Columns {
            title_key: Column::TitleKey,
            created: Column::CreatedAt,
            id: Column::Id,
        };
        let backend = self.conn().get_database_backend();
        let select = page(select, columns, backend, query, after, limit);
        let rows = select.all(self.conn()).await.map_err(db_error)?;
        rows.into_iter()
            .map(Account::try_from)
            .collect::<Result<_, _>>()
            .map_err(store_error)
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn lock_account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError> {
        // The unit of work has held the account's revision row since its beginning: there is no other writer.
        self.find_account(id).await
    }
    async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let row = Entity::insert(account_row(account))
            .exec_without_returning(self.conn())
            .await;
        row.map(drop).map_err(db_error)
    }
    async fn update_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let row = account_row(account).reset_all();
        row.update(self.conn()).await.map(drop).map_err(db_error)
    }
}
