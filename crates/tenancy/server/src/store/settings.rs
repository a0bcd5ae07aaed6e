//! Settings.

use async_trait::async_trait;
use bailiwick_sql::rows;
use bailiwick_tenancy_core::settings::{Reader, Settings, Writer};
use bailiwick_types::StoreError;
use sea_orm::EntityTrait;

use super::{
    convert::stored,
    entity::settings::{Column, Entity, Model},
    store_error,
    unit::{Tx, Unit, WriteUnit},
};

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_settings(&mut self) -> Result<Settings, StoreError> {
        let account = self.account();
        let select = Entity::find_by_id(account.uuid());
        let row = select.one(self.conn()).await.map_err(store_error)?;
        let settings = row.map(|row| self.value(row)).transpose()?;
        Ok(settings.unwrap_or_else(|| Settings::none(account)))
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn put_settings(&mut self, settings: &Settings) -> Result<(), StoreError> {
        self.check(settings)?;
        let content = serde_json::to_string(&settings.values)
            .map_err(|error| StoreError::internal(error.to_string()))?;
        let row = Model {
            account_id: settings.account.uuid(),
            version: stored(settings.version),
            content,
        };
        Ok(rows::upsert(self.conn(), row, [Column::Version, Column::Content]).await?)
    }
}
