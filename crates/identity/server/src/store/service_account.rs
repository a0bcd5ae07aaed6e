//! Service accounts in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    secret::Digest,
    service_account::{Closing, NewSecret, Reader, Secrets, ServiceAccount, Writer},
};
use bailiwick_sql::{Error, rows};
use bailiwick_types::{ServiceAccountId, StoreError, Timestamp};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use super::{
    Connected, Sql, SqlWrite,
    entity::{digest, service_account, service_closing},
    store_error, stored, version,
};

const TABLE: &str = "service_account";

impl TryFrom<service_account::Model> for ServiceAccount {
    type Error = Error;
    fn try_from(row: service_account::Model) -> Result<Self, Error> {
        let id = ServiceAccountId::from_uuid(row.id);
        let scope = row.scope.parse();
        let role = row.role.map(|role| role.parse()).transpose();
        let creator = row.creator.map(|creator| creator.parse()).transpose();
        Ok(Self {
            id,
            title: row
                .title
                .parse()
                .map_err(|e| Error::corrupt(TABLE, "title", id, e))?,
            scope: scope.map_err(|e| Error::corrupt(TABLE, "scope", id, e))?,
            role: role.map_err(|e| Error::corrupt(TABLE, "role", id, e))?,
            enabled: row.enabled,
            created: Timestamp(row.created_at),
            creator: creator.map_err(|e| Error::corrupt(TABLE, "creator", id, e))?,
            version: version(TABLE, id, row.version)?,
        })
    }
}

/// In the place of the secret of a tombstone: the digest of no text that anybody knows.
const NO_SECRET: [u8; 32] = [0; 32];

/// A service account with the digests of its secrets.
struct WithSecrets(ServiceAccount, Secrets);

impl TryFrom<service_account::Model> for WithSecrets {
    type Error = Error;
    fn try_from(mut row: service_account::Model) -> Result<Self, Error> {
        let deployed = digest(TABLE, "secret", std::mem::take(&mut row.secret))?;
        let new = match (row.new_secret.take(), row.old_secret_ends_at) {
            (Some(new), Some(ends)) => Some(NewSecret {
                digest: digest(TABLE, "new_secret", new)?,
                old_ends: Timestamp(ends),
            }),
            (None, None) => None,
            _ => {
                let id = ServiceAccountId::from_uuid(row.id);
                let why = "is set without `new_secret`, or not set with it";
                return Err(Error::corrupt(TABLE, "old_secret_ends_at", id, why));
            }
        };
        Ok(Self(row.try_into()?, Secrets { deployed, new }))
    }
}

/// Those that were not deleted.
fn present() -> Select<service_account::Entity> {
    service_account::Entity::find().filter(service_account::Column::DeletedAt.is_null())
}

impl TryFrom<service_closing::Model> for Closing {
    type Error = Error;
    fn try_from(row: service_closing::Model) -> Result<Self, Error> {
        let id = ServiceAccountId::from_uuid(row.service_id);
        Ok(Self {
            id,
            deletes: row.deletes,
            version: version("service_closing", id, row.version)?,
            actor: row.actor,
            created: Timestamp(row.created_at),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        self.one(present().filter(service_account::Column::Id.eq(id.uuid())))
            .await
    }
    async fn service_account_secret(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(ServiceAccount, Secrets)>, StoreError> {
        let query = present().filter(service_account::Column::Id.eq(id.uuid()));
        let found = self.one(query).await?;
        Ok(found.map(|WithSecrets(account, secrets)| (account, secrets)))
    }
    async fn disabled_service_accounts(&self) -> Result<Vec<ServiceAccountId>, StoreError> {
        let query = service_account::Entity::find().filter(service_account::Column::Enabled.eq(false));
        let disabled: Vec<ServiceAccount> = self.all(query).await?;
        Ok(disabled.into_iter().map(|account| account.id).collect())
    }
    async fn service_closing(&self, id: ServiceAccountId) -> Result<Option<Closing>, StoreError> {
        self.one(service_closing::Entity::find_by_id(id.uuid())).await
    }
    async fn service_closings(&self, before: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError> {
        let query = service_closing::Entity::find()
            .filter(service_closing::Column::CreatedAt.lt(before.0))
            .order_by_asc(service_closing::Column::CreatedAt);
        self.all(query.limit(limit)).await
    }
    async fn service_account_page(
        &self,
        after: Option<ServiceAccountId>,
        limit: u64,
    ) -> Result<Vec<ServiceAccount>, StoreError> {
        let mut query = present();
        if let Some(after) = after {
            query = query.filter(service_account::Column::Id.gt(after.uuid()));
        }
        self.all(query.order_by_asc(service_account::Column::Id).limit(limit))
            .await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn insert_service_account(
        &mut self,
        account: &ServiceAccount,
        secret: &Digest,
    ) -> Result<(), StoreError> {
        self.insert(service_account::Model {
            id: account.id.uuid(),
            title: account.title.as_str().to_owned(),
            scope: account.scope.to_string(),
            role: account.role.as_ref().map(|role| role.as_str().to_owned()),
            enabled: account.enabled,
            secret: secret.as_bytes().to_vec(),
            created_at: account.created.0,
            version: stored(account.version),
            creator: account.creator.as_ref().map(ToString::to_string),
            new_secret: None,
            old_secret_ends_at: None,
            deleted_at: None,
        })
        .await
    }
    async fn update_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError> {
        let change = service_account::ActiveModel {
            id: Set(account.id.uuid()),
            enabled: Set(account.enabled),
            role: Set(account.role.as_ref().map(|role| role.as_str().to_owned())),
            version: Set(stored(account.version)),
            ..Default::default()
        };
        change.update(self.conn()).await.map_err(store_error)?;
        Ok(())
    }
    async fn set_service_secrets(
        &mut self,
        id: ServiceAccountId,
        secrets: &Secrets,
    ) -> Result<(), StoreError> {
        let change = service_account::ActiveModel {
            id: Set(id.uuid()),
            secret: Set(secrets.deployed.as_bytes().to_vec()),
            new_secret: Set(secrets.new.map(|new| new.digest.as_bytes().to_vec())),
            old_secret_ends_at: Set(secrets.new.map(|new| new.old_ends.0)),
            ..Default::default()
        };
        change.update(self.conn()).await.map_err(store_error)?;
        Ok(())
    }
    async fn bury_service_account(
        &mut self,
        account: &ServiceAccount,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let change = service_account::ActiveModel {
            id: Set(account.id.uuid()),
            enabled: Set(false),
            version: Set(stored(account.version)),
            secret: Set(NO_SECRET.to_vec()),
            new_secret: Set(None),
            old_secret_ends_at: Set(None),
            deleted_at: Set(Some(at.0)),
            ..Default::default()
        };
        change.update(self.conn()).await.map_err(store_error)?;
        Ok(())
    }
    async fn insert_service_closing(&mut self, closing: &Closing) -> Result<(), StoreError> {
        self.insert(service_closing::Model {
            service_id: closing.id.uuid(),
            version: stored(closing.version),
            actor: closing.actor.clone(),
            created_at: closing.created.0,
            deletes: closing.deletes,
        })
        .await
    }
    async fn delete_service_closing(&mut self, id: ServiceAccountId) -> Result<(), StoreError> {
        Ok(rows::delete::<service_closing::Entity>(self.conn(), id.uuid()).await?)
    }
}
