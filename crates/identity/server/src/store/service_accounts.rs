//! Service accounts in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    port::{ServiceAccountReader, ServiceAccountWriter, StoreError},
    secret::Digest,
    service_account::ServiceAccount,
};
use bailiwick_types::{PageRequest, ServiceAccountId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{SqlStore, SqlUnit, entity::service_account, failed, row};

#[async_trait]
impl ServiceAccountReader for SqlStore {
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        let found = service_account::Entity::find_by_id(id.uuid())
            .one(self.db.load())
            .await;
        found.map_err(failed)?.map(ServiceAccount::try_from).transpose()
    }
    async fn service_account_secret(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(ServiceAccount, Digest)>, StoreError> {
        let found = service_account::Entity::find_by_id(id.uuid())
            .one(self.db.load())
            .await;
        let Some(row) = found.map_err(failed)? else {
            return Ok(None);
        };
        let secret = row::digest("service_account", "secret", row.secret.clone())?;
        Ok(Some((ServiceAccount::try_from(row)?, secret)))
    }
    async fn disabled_service_accounts(&self) -> Result<Vec<ServiceAccountId>, StoreError> {
        let found = service_account::Entity::find()
            .filter(service_account::Column::Enabled.eq(false))
            .all(self.db.load())
            .await;
        let ids = found.map_err(failed)?.into_iter();
        Ok(ids.map(|row| ServiceAccountId::from_uuid(row.id)).collect())
    }
    async fn service_account_page(
        &self,
        page: &PageRequest<ServiceAccountId>,
    ) -> Result<Vec<ServiceAccount>, StoreError> {
        let mut query = service_account::Entity::find();
        if let Some(after) = page.after {
            query = query.filter(service_account::Column::Id.gt(after.uuid()));
        }
        let found = query
            .order_by_asc(service_account::Column::Id)
            .limit(page.size.get())
            .all(self.db.load())
            .await;
        found
            .map_err(failed)?
            .into_iter()
            .map(ServiceAccount::try_from)
            .collect()
    }
}

#[async_trait]
impl ServiceAccountWriter for SqlUnit {
    async fn service_account_now(
        &mut self,
        id: ServiceAccountId,
    ) -> Result<Option<ServiceAccount>, StoreError> {
        let found = service_account::Entity::find_by_id(id.uuid())
            .one(self.tx.conn())
            .await;
        found.map_err(failed)?.map(ServiceAccount::try_from).transpose()
    }
    async fn insert_service_account(
        &mut self,
        account: &ServiceAccount,
        secret: &Digest,
    ) -> Result<(), StoreError> {
        let row = row::service_account_row(account, secret).into_active_model();
        service_account::Entity::insert(row)
            .exec_without_returning(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn update_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError> {
        let change = service_account::ActiveModel {
            id: Set(account.id.uuid()),
            enabled: Set(account.enabled),
            version: Set(row::stored(account.version)),
            ..Default::default()
        };
        change.update(self.tx.conn()).await.map_err(failed)?;
        Ok(())
    }
}
