//! Settings.

use async_trait::async_trait;
use bailiwick_sql::Error;
use bailiwick_tenancy_core::{
    settings::{Reader, Settings, Writer},
    store::StoreError,
};
use bailiwick_types::AccountId;
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};

use super::{
    convert::{number, stored},
    entity::settings::{ActiveModel, Column, Entity, Model},
    error::{db_error, store_error},
    unit::{Tx, Unit, WriteUnit},
};

pub(super) fn domain(row: Model) -> Result<Settings, Error> {
    let account = AccountId::from_uuid(row.account_id);
    let values = serde_json::from_str(&row.content);
    Ok(Settings {
        account,
        version: number(row.version),
        values: values.map_err(|error| Error::corrupt("settings", "content", account, error))?,
    })
}

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_settings(&mut self, account: AccountId) -> Result<Settings, StoreError> {
        let row = Entity::find_by_id(account.uuid())
            .one(self.conn())
            .await
            .map_err(db_error)?;
        row.map_or_else(|| Ok(Settings::none(account)), domain)
            .map_err(store_error)
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn put_settings(&mut self, settings: &Settings) -> Result<(), StoreError> {
        let content =
            serde_json::to_string(&settings.values).map_err(|error| StoreError::Internal(error.into()))?;
        let row = ActiveModel {
            account_id: Set(settings.account.uuid()),
            version: Set(stored(settings.version)),
            content: Set(content),
        };
        let replace = OnConflict::column(Column::AccountId)
            .update_columns([Column::Version, Column::Content])
            .to_owned();
        let done = Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(self.conn())
            .await;
        done.map(drop).map_err(db_error)
    }
}
