//! Signing keys in the database.

use async_trait::async_trait;
use bailiwick_identity_core::signing::{Reader, StoredKey, Writer};
use bailiwick_sql::Error;
use bailiwick_types::{StoreError, Timestamp};
use sea_orm::{EntityTrait, IntoActiveModel, sea_query::OnConflict};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Connected, Sql, SqlWrite,
    entity::{Hidden, signing_key},
    store_error,
};

impl TryFrom<signing_key::Model> for StoredKey {
    type Error = Error;
    fn try_from(row: signing_key::Model) -> Result<Self, Error> {
        Ok(Self {
            kid: row.kid,
            public: row.public,
            private: SecretString::from(row.private.0),
            active_from: Timestamp(row.active_from),
            created: Timestamp(row.created_at),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.all(signing_key::Entity::find()).await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn put_signing_key(&mut self, key: &StoredKey) -> Result<(), StoreError> {
        let row = signing_key::Model {
            kid: key.kid.clone(),
            public: key.public.clone(),
            private: Hidden(key.private.expose_secret().to_owned()),
            active_from: key.active_from.0,
            created_at: key.created.0,
        };
        let replace = OnConflict::column(signing_key::Column::Kid)
            .update_column(signing_key::Column::Private)
            .to_owned();
        let insert = signing_key::Entity::insert(row.into_active_model()).on_conflict(replace);
        insert
            .exec_without_returning(self.conn())
            .await
            .map_err(store_error)?;
        Ok(())
    }
    async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError> {
        let delete = signing_key::Entity::delete_by_id(kid);
        delete.exec(self.conn()).await.map_err(store_error)?;
        Ok(())
    }
}
