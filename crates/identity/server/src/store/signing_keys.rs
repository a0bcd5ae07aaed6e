//! Signing keys in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    port::{SigningKeyReader, SigningKeyWriter, StoreError},
    signing::StoredKey,
};
use sea_orm::{EntityTrait, IntoActiveModel, sea_query::OnConflict};

use super::{SqlStore, SqlUnit, entity::signing_key, failed, row};

#[async_trait]
impl SigningKeyReader for SqlStore {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let found = signing_key::Entity::find()
            .all(self.db.load())
            .await
            .map_err(failed)?;
        Ok(found.into_iter().map(StoredKey::from).collect())
    }
}

#[async_trait]
impl SigningKeyWriter for SqlUnit {
    async fn signing_keys_now(&mut self) -> Result<Vec<StoredKey>, StoreError> {
        let found = signing_key::Entity::find()
            .all(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(found.into_iter().map(StoredKey::from).collect())
    }
    async fn put_signing_key(&mut self, key: &StoredKey) -> Result<(), StoreError> {
        let anew = OnConflict::column(signing_key::Column::Kid)
            .update_column(signing_key::Column::Private)
            .to_owned();
        signing_key::Entity::insert(row::signing_key_row(key).into_active_model())
            .on_conflict(anew)
            .exec_without_returning(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError> {
        signing_key::Entity::delete_by_id(kid)
            .exec(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
}
