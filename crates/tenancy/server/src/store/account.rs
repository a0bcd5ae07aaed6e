//! Accounts.

use async_trait::async_trait;
use bailiwick_sql::{Error, rows};
use bailiwick_tenancy_core::{
    State,
    account::{Account, AccountFilter, Lister, Reader, Writer},
    listing::{Key, Query},
};
use bailiwick_types::StoreError;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{
    convert::account_row,
    entity::account::{Column, Entity},
    list::{Columns, page},
    store_error,
    unit::{AllUnit, Tx, Unit, WriteUnit},
};

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_account(&mut self) -> Result<Option<Account>, StoreError> {
        let select = Entity::find_by_id(self.account().uuid());
        let select = select.filter(Column::State.ne(State::Deleted.as_str()));
        let row = select.one(self.conn()).await.map_err(store_error)?;
        Ok(row.map(|row| self.value(row)).transpose()?)
    }
}

#[async_trait]
impl Lister for AllUnit {
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
        let conn = self.0.conn();
        let select = page(select, columns, conn.get_database_backend(), query, after, limit);
        let rows = select.all(conn).await.map_err(store_error)?;
        let accounts = rows.into_iter().map(Account::try_from);
        Ok(accounts.collect::<Result<_, Error>>()?)
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.check(account)?;
        Ok(rows::insert(self.conn(), account_row(account)).await?)
    }
    async fn update_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.check(account)?;
        let row = account_row(account).reset_all();
        row.update(self.conn()).await.map(drop).map_err(store_error)
    }
}
