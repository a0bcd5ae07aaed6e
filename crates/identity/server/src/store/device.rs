//! Known devices in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    device::{KnownDevice, Reader, Writer},
    secret::Digest,
};
use bailiwick_sql::{Error, execute};
use bailiwick_types::{StoreError, Timestamp, UserId};
use sea_orm::EntityTrait;

use super::{
    Connected, Sql, SqlWrite,
    entity::{digest, known_device},
    stored,
};

impl TryFrom<known_device::Model> for KnownDevice {
    type Error = Error;
    fn try_from(row: known_device::Model) -> Result<Self, Error> {
        Ok(Self {
            digest: digest("known_device", "digest", row.digest)?,
            user: UserId::from_uuid(row.user_id),
            returned: row.returned,
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn known_device(&self, digest: &Digest) -> Result<Option<KnownDevice>, StoreError> {
        self.one(known_device::Entity::find_by_id(digest.as_bytes().to_vec()))
            .await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn insert_device(&mut self, device: &KnownDevice) -> Result<(), StoreError> {
        self.insert(known_device::Model {
            digest: device.digest.as_bytes().to_vec(),
            user_id: device.user.uuid(),
            returned: device.returned,
            created_at: device.created.0,
            expires_at: device.expires.0,
        })
        .await
    }
    async fn expire_device(&mut self, digest: &Digest, at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE known_device SET expires_at = $2 WHERE digest = $1 AND expires_at > $2";
        execute(
            self.conn(),
            sql,
            vec![digest.as_bytes().to_vec().into(), at.0.into()],
        )
        .await?;
        Ok(())
    }
    async fn trim_devices(&mut self, user: UserId, most: u64) -> Result<(), StoreError> {
        let sql = "DELETE FROM known_device WHERE user_id = $1 AND digest NOT IN \
                   (SELECT digest FROM known_device WHERE user_id = $1 \
                   ORDER BY returned DESC, created_at DESC, digest LIMIT $2)";
        execute(self.conn(), sql, vec![user.uuid().into(), stored(most).into()]).await?;
        Ok(())
    }
    async fn forget_devices(&mut self, user: UserId, kept: Option<Timestamp>) -> Result<(), StoreError> {
        let sql = "DELETE FROM known_device WHERE user_id = $1 AND created_at IS DISTINCT FROM $2";
        let kept = kept.map(|at| at.0);
        execute(self.conn(), sql, vec![user.uuid().into(), kept.into()]).await?;
        Ok(())
    }
    async fn purge_devices(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM known_device WHERE digest IN \
                   (SELECT digest FROM known_device WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
        Ok(execute(self.conn(), sql, vec![before.0.into(), stored(limit).into()]).await?)
    }
}
