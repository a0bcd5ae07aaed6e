//! Signing keys in the database.

use async_trait::async_trait;
use bailiwick_identity_core::signing::{Reader, StoredKey, Writer};
use bailiwick_sql::{Error, rows};
use bailiwick_types::{StoreError, Timestamp};
use sea_orm::EntityTrait;
use secrecy::{ExposeSecret, SecretString};

use super::{
    Connected, Sql, SqlWrite,
    entity::{Hidden, signing_key},
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
        Ok(rows::upsert(self.conn(), row, [signing_key::Column::Private]).await?)
    }
    async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError> {
        Ok(rows::delete::<signing_key::Entity>(self.conn(), kid).await?)
    }
}
