//! Second factors and challenges in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    second_factor::{Challenge, Reader, Totp, Writer},
    secret::Digest,
    session::{Client, UserAgent},
    signing::PLAIN,
};
use bailiwick_sql::{Error, execute, rows};
use bailiwick_types::{AccountId, StoreError, Timestamp, UserId};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Connected, Sql, SqlWrite,
    entity::{Hidden, digest, recovery_code, sign_in_challenge, totp},
    store_error, stored,
};

impl TryFrom<totp::Model> for Totp {
    type Error = Error;
    fn try_from(row: totp::Model) -> Result<Self, Error> {
        Ok(Self {
            user: UserId::from_uuid(row.user_id),
            secret: SecretString::from(row.secret.0),
            created: Timestamp(row.created_at),
            confirmed: row.confirmed_at.map(Timestamp),
            last_step: row.last_step,
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
        })
    }
}

impl TryFrom<sign_in_challenge::Model> for Challenge {
    type Error = Error;
    fn try_from(row: sign_in_challenge::Model) -> Result<Self, Error> {
        const TABLE: &str = "sign_in_challenge";
        let network = row.network.parse();
        let device = row.device.map(|bytes| digest(TABLE, "device", bytes));
        Ok(Self {
            digest: digest(TABLE, "digest", row.digest)?,
            user: UserId::from_uuid(row.user_id),
            password: digest(TABLE, "password", row.password)?,
            account: row.account_id.map(AccountId::from_uuid),
            client: Client {
                agent: UserAgent::new(&row.user_agent),
                network: network.map_err(|error| Error::corrupt(TABLE, "network", "?", error))?,
            },
            device: device.transpose()?,
            expires: Timestamp(row.expires_at),
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn totp(&self, user: UserId) -> Result<Option<Totp>, StoreError> {
        self.one(totp::Entity::find_by_id(user.uuid())).await
    }
    async fn plain_totps(&self, after: Option<UserId>, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let query = totp::Entity::find()
            .filter(totp::Column::Secret.starts_with(PLAIN))
            .order_by_asc(totp::Column::UserId);
        let query = match after {
            Some(after) => query.filter(totp::Column::UserId.gt(after.uuid())),
            None => query,
        };
        let plain: Vec<Totp> = self.all(query.limit(limit)).await?;
        Ok(plain.into_iter().map(|totp| totp.user).collect())
    }
    async fn recovery_codes(&self, user: UserId) -> Result<u64, StoreError> {
        let query = recovery_code::Entity::find().filter(recovery_code::Column::UserId.eq(user.uuid()));
        query.count(self.conn()).await.map_err(store_error)
    }
    async fn challenge(&self, digest: &Digest) -> Result<Option<Challenge>, StoreError> {
        self.one(sign_in_challenge::Entity::find_by_id(bytes(digest)))
            .await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn put_totp(&mut self, totp: &Totp) -> Result<(), StoreError> {
        use totp::Column;
        let row = totp::Model {
            user_id: totp.user.uuid(),
            secret: Hidden(totp.secret.expose_secret().to_owned()),
            created_at: totp.created.0,
            confirmed_at: totp.confirmed.map(|at| at.0),
            last_step: totp.last_step,
            failures: i32::try_from(totp.failures).unwrap_or(i32::MAX),
        };
        let columns = [
            Column::Secret,
            Column::CreatedAt,
            Column::ConfirmedAt,
            Column::LastStep,
            Column::Failures,
        ];
        Ok(rows::upsert(self.conn(), row, columns).await?)
    }
    async fn accept_totp(&mut self, user: UserId, step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE totp SET last_step = $2, failures = 0 WHERE user_id = $1 AND last_step < $2";
        let values = vec![user.uuid().into(), step.into()];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn count_totp_failure(&mut self, user: UserId) -> Result<(), StoreError> {
        let sql = "UPDATE totp SET failures = failures + 1 WHERE user_id = $1";
        execute(self.conn(), sql, vec![user.uuid().into()]).await?;
        Ok(())
    }
    async fn forget_totp_failures(&mut self, user: UserId) -> Result<(), StoreError> {
        let sql = "UPDATE totp SET failures = 0 WHERE user_id = $1";
        execute(self.conn(), sql, vec![user.uuid().into()]).await?;
        Ok(())
    }
    async fn delete_totp(&mut self, user: UserId) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM totp WHERE user_id = $1",
            "DELETE FROM recovery_code WHERE user_id = $1",
        ] {
            execute(self.conn(), sql, vec![user.uuid().into()]).await?;
        }
        Ok(())
    }
    async fn put_recovery_codes(&mut self, user: UserId, codes: &[Digest]) -> Result<(), StoreError> {
        let sql = "DELETE FROM recovery_code WHERE user_id = $1";
        execute(self.conn(), sql, vec![user.uuid().into()]).await?;
        for code in codes {
            self.insert(recovery_code::Model {
                digest: bytes(code),
                user_id: user.uuid(),
            })
            .await?;
        }
        Ok(())
    }
    async fn use_recovery_code(&mut self, user: UserId, code: &Digest) -> Result<bool, StoreError> {
        let sql = "DELETE FROM recovery_code WHERE digest = $1 AND user_id = $2";
        let values = vec![bytes(code).into(), user.uuid().into()];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn insert_challenge(&mut self, challenge: &Challenge) -> Result<(), StoreError> {
        self.insert(sign_in_challenge::Model {
            digest: bytes(&challenge.digest),
            user_id: challenge.user.uuid(),
            password: bytes(&challenge.password),
            account_id: challenge.account.map(AccountId::uuid),
            user_agent: challenge.client.agent.as_str().to_owned(),
            network: challenge.client.network.to_string(),
            device: challenge.device.as_ref().map(bytes),
            expires_at: challenge.expires.0,
            failures: i32::try_from(challenge.failures).unwrap_or(i32::MAX),
        })
        .await
    }
    async fn fail_challenge(&mut self, digest: &Digest) -> Result<(), StoreError> {
        let sql = "UPDATE sign_in_challenge SET failures = failures + 1 WHERE digest = $1";
        execute(self.conn(), sql, vec![bytes(digest).into()]).await?;
        Ok(())
    }
    async fn delete_challenge(&mut self, digest: &Digest) -> Result<bool, StoreError> {
        let sql = "DELETE FROM sign_in_challenge WHERE digest = $1";
        Ok(execute(self.conn(), sql, vec![bytes(digest).into()]).await? == 1)
    }
    async fn purge_challenges(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM sign_in_challenge WHERE digest IN \
                   (SELECT digest FROM sign_in_challenge WHERE expires_at < $1 \
                   ORDER BY expires_at LIMIT $2)";
        let values = vec![before.0.into(), stored(limit).into()];
        Ok(execute(self.conn(), sql, values).await?)
    }
}

fn bytes(digest: &Digest) -> Vec<u8> {
    digest.as_bytes().to_vec()
}
