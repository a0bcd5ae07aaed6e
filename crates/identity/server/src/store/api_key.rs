//! API keys in the database.

use async_trait::async_trait;
use bailiwick_identity_core::api_key::{ApiKey, KeyMac, Reader, Writer};
use bailiwick_sql::{Error, execute};
use bailiwick_types::{AccountId, ApiKeyId, KeyPermission, KeyScope, StoreError, Timestamp, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::{
    Connected, Sql, SqlWrite,
    entity::{api_key, digest},
    store_error, stored,
};

const TABLE: &str = "api_key";

/// What a column of words has.
fn words<T: std::str::FromStr<Err: std::fmt::Display>>(
    column: &'static str,
    id: ApiKeyId,
    text: &str,
) -> Result<Vec<T>, Error> {
    let words = text.split_whitespace().map(str::parse);
    words
        .collect::<Result<_, T::Err>>()
        .map_err(|error| Error::corrupt(TABLE, column, id, error))
}

fn text<T: ToString>(words: &[T]) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    words.join(" ")
}

impl TryFrom<api_key::Model> for ApiKey {
    type Error = Error;
    fn try_from(row: api_key::Model) -> Result<Self, Error> {
        let id = ApiKeyId::from_uuid(row.id);
        let (title, place) = (row.title.parse(), row.scope.parse());
        Ok(Self {
            title: title.map_err(|e| Error::corrupt(TABLE, "title", id, e))?,
            user: UserId::from_uuid(row.user_id),
            scope: KeyScope {
                key: id,
                account: AccountId::from_uuid(row.account_id),
                place: place.map_err(|e| Error::corrupt(TABLE, "scope", id, e))?,
                permissions: words("permissions", id, &row.permissions)?,
                networks: words("networks", id, &row.networks)?,
            },
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            revoked: row.revoked_at.map(Timestamp),
            last_used: row.last_used_at.map(Timestamp),
            renewed_by: row.renewed_by.map(ApiKeyId::from_uuid),
        })
    }
}

/// A key with what it is verified by.
struct WithMac(ApiKey, KeyMac);

impl TryFrom<api_key::Model> for WithMac {
    type Error = Error;
    fn try_from(mut row: api_key::Model) -> Result<Self, Error> {
        let mac = KeyMac {
            pepper: std::mem::take(&mut row.pepper),
            mac: digest(TABLE, "digest", std::mem::take(&mut row.digest))?,
        };
        Ok(Self(row.try_into()?, mac))
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        self.one(api_key::Entity::find_by_id(id.uuid())).await
    }
    async fn api_key_mac(&self, id: ApiKeyId) -> Result<Option<(ApiKey, KeyMac)>, StoreError> {
        let found = self.one(api_key::Entity::find_by_id(id.uuid())).await?;
        Ok(found.map(|WithMac(key, mac)| (key, mac)))
    }
    async fn api_key_before(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let query = api_key::Entity::find().filter(api_key::Column::RenewedBy.eq(id.uuid()));
        self.one(query).await
    }
    async fn api_key_page(
        &self,
        account: AccountId,
        user: Option<UserId>,
        after: Option<ApiKeyId>,
        limit: u64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let mut query = api_key::Entity::find().filter(api_key::Column::AccountId.eq(account.uuid()));
        if let Some(user) = user {
            query = query.filter(api_key::Column::UserId.eq(user.uuid()));
        }
        if let Some(after) = after {
            query = query.filter(api_key::Column::Id.gt(after.uuid()));
        }
        self.all(query.order_by_asc(api_key::Column::Id).limit(limit))
            .await
    }
    async fn live_api_keys(&self, user: UserId, now: Timestamp) -> Result<u64, StoreError> {
        let live = Condition::all()
            .add(api_key::Column::UserId.eq(user.uuid()))
            .add(api_key::Column::RevokedAt.is_null())
            .add(api_key::Column::ExpiresAt.gt(now.0));
        let count = api_key::Entity::find().filter(live).count(self.conn()).await;
        count.map_err(store_error)
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn insert_api_key(&mut self, key: &ApiKey, mac: &KeyMac) -> Result<(), StoreError> {
        let permissions: Vec<&str> = key.scope.permissions.iter().map(KeyPermission::as_str).collect();
        self.insert(api_key::Model {
            id: key.id().uuid(),
            user_id: key.user.uuid(),
            account_id: key.scope.account.uuid(),
            title: key.title.as_str().to_owned(),
            scope: key.scope.place.to_string(),
            permissions: permissions.join(" "),
            networks: text(&key.scope.networks),
            pepper: mac.pepper.clone(),
            digest: mac.mac.as_bytes().to_vec(),
            created_at: key.created.0,
            expires_at: key.expires.0,
            revoked_at: key.revoked.map(|at| at.0),
            last_used_at: key.last_used.map(|at| at.0),
            renewed_by: key.renewed_by.map(ApiKeyId::uuid),
        })
        .await
    }
    async fn update_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let change = api_key::ActiveModel {
            id: Set(key.id().uuid()),
            expires_at: Set(key.expires.0),
            revoked_at: Set(key.revoked.map(|at| at.0)),
            renewed_by: Set(key.renewed_by.map(ApiKeyId::uuid)),
            ..Default::default()
        };
        change.update(self.conn()).await.map_err(store_error)?;
        Ok(())
    }
    async fn use_api_key(&mut self, id: ApiKeyId, hour: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE api_key SET last_used_at = $1 WHERE id = $2 \
                   AND (last_used_at IS NULL OR last_used_at < $1)";
        execute(self.conn(), sql, vec![hour.0.into(), id.uuid().into()]).await?;
        Ok(())
    }
    async fn purge_api_keys(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM api_key WHERE id IN \
                   (SELECT id FROM api_key WHERE expires_at < $1 OR revoked_at < $1 LIMIT $2)";
        let values = vec![before.0.into(), stored(limit).into()];
        Ok(execute(self.conn(), sql, values).await?)
    }
}
