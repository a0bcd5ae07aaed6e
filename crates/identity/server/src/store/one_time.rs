//! Mailed secrets in the database, by their digests.

use async_trait::async_trait;
use bailiwick_identity_core::{
    one_time::{OneTimeSecret, Purpose, Reader, Writer},
    secret::Digest,
};
use bailiwick_sql::{Error, execute};
use bailiwick_types::{Email, StoreError, Timestamp, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    Connected, Sql, SqlWrite,
    entity::{digest, one_time_secret},
    stored,
};

const TABLE: &str = "one_time_secret";

impl TryFrom<one_time_secret::Model> for OneTimeSecret {
    type Error = Error;
    fn try_from(row: one_time_secret::Model) -> Result<Self, Error> {
        let user = UserId::from_uuid(row.user_id);
        let purpose = Purpose::from_code(row.purpose);
        let address: Result<Email, _> = row.address.parse();
        Ok(Self {
            digest: digest(TABLE, "digest", row.digest)?,
            user,
            purpose: purpose.ok_or_else(|| Error::corrupt(TABLE, "purpose", user, row.purpose))?,
            address: address
                .map_err(|e| Error::corrupt(TABLE, "address", user, e))?
                .key(),
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn one_time_secret(&self, digest: &Digest) -> Result<Option<OneTimeSecret>, StoreError> {
        self.one(one_time_secret::Entity::find_by_id(digest.as_bytes().to_vec()))
            .await
    }
    async fn one_time_secret_of(
        &self,
        user: UserId,
        purpose: Purpose,
    ) -> Result<Option<OneTimeSecret>, StoreError> {
        let query = one_time_secret::Entity::find()
            .filter(one_time_secret::Column::UserId.eq(user.uuid()))
            .filter(one_time_secret::Column::Purpose.eq(i16::from(purpose.code())));
        self.one(query).await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn put_one_time_secret(&mut self, secret: &OneTimeSecret) -> Result<(), StoreError> {
        let purpose = i16::from(secret.purpose.code());
        let sql = "DELETE FROM one_time_secret WHERE user_id = $1 AND purpose = $2";
        execute(self.conn(), sql, vec![secret.user.uuid().into(), purpose.into()]).await?;
        self.insert(one_time_secret::Model {
            digest: secret.digest.as_bytes().to_vec(),
            user_id: secret.user.uuid(),
            purpose,
            address: secret.address.as_str().to_owned(),
            created_at: secret.created.0,
            expires_at: secret.expires.0,
        })
        .await
    }
    async fn take_one_time_secret(&mut self, digest: &Digest) -> Result<bool, StoreError> {
        let sql = "DELETE FROM one_time_secret WHERE digest = $1";
        let values = vec![digest.as_bytes().to_vec().into()];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn end_one_time_secrets(&mut self, user: UserId) -> Result<(), StoreError> {
        let sql = "DELETE FROM one_time_secret WHERE user_id = $1";
        execute(self.conn(), sql, vec![user.uuid().into()]).await?;
        Ok(())
    }
    async fn purge_one_time_secrets(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM one_time_secret WHERE digest IN \
                   (SELECT digest FROM one_time_secret WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
        Ok(execute(self.conn(), sql, vec![before.0.into(), stored(limit).into()]).await?)
    }
}
