//! Users in the database.

use async_trait::async_trait;
use bailiwick_feed::without_user;
use bailiwick_identity_core::{
    password::PasswordHash,
    user::{Access, Closing, Credentials, Reader, User, UserState, Writer},
};
use bailiwick_sql::{Error, execute, rows};
use bailiwick_types::{EmailKey, StoreError, Timestamp, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::{
    Connected, Sql, SqlWrite,
    entity::{Hidden, deleted_user, user_closing, user_profile},
    store_error, stored, version,
};

const ACTIVE: i16 = 1;
const DISABLED: i16 = 2;

fn state_code(state: UserState) -> i16 {
    match state {
        UserState::Active => ACTIVE,
        UserState::Disabled => DISABLED,
    }
}

impl TryFrom<user_profile::Model> for User {
    type Error = Error;
    fn try_from(row: user_profile::Model) -> Result<Self, Error> {
        const TABLE: &str = "user_profile";
        let id = UserId::from_uuid(row.id);
        Ok(Self {
            id,
            email: row
                .email
                .parse()
                .map_err(|e| Error::corrupt(TABLE, "email", id, e))?,
            email_verified: row.email_verified,
            display_name: row
                .display_name
                .parse()
                .map_err(|e| Error::corrupt(TABLE, "display_name", id, e))?,
            locale: row
                .locale
                .parse()
                .map_err(|e| Error::corrupt(TABLE, "locale", id, e))?,
            state: match row.state {
                ACTIVE => UserState::Active,
                DISABLED => UserState::Disabled,
                other => return Err(Error::corrupt(TABLE, "state", id, other)),
            },
            operator: row.operator,
            created: Timestamp(row.created_at),
            version: version(TABLE, id, row.version)?,
        })
    }
}

impl TryFrom<user_closing::Model> for Closing {
    type Error = Error;
    fn try_from(row: user_closing::Model) -> Result<Self, Error> {
        const TABLE: &str = "user_closing";
        let user = UserId::from_uuid(row.user_id);
        let access = Access::from_code(row.access);
        Ok(Self {
            user,
            access: access.ok_or_else(|| Error::corrupt(TABLE, "access", user, row.access))?,
            version: version(TABLE, user, row.version)?,
            actor: row.actor,
            created: Timestamp(row.created_at),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(user_profile::Entity::find_by_id(id.uuid())).await
    }
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.iter().map(|id| id.uuid());
        self.all(user_profile::Entity::find().filter(user_profile::Column::Id.is_in(ids)))
            .await
    }
    async fn user_page(
        &self,
        after: Option<UserId>,
        limit: u64,
        email: Option<&EmailKey>,
    ) -> Result<Vec<User>, StoreError> {
        let mut query = user_profile::Entity::find();
        if let Some(after) = after {
            query = query.filter(user_profile::Column::Id.gt(after.uuid()));
        }
        if let Some(email) = email {
            query = query.filter(user_profile::Column::EmailKey.eq(email.as_str()));
        }
        self.all(query.order_by_asc(user_profile::Column::Id).limit(limit))
            .await
    }
    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        self.with_credentials(user_profile::Entity::find_by_id(id.uuid()))
            .await
    }
    async fn credentials_by_email(&self, email: &EmailKey) -> Result<Option<Credentials>, StoreError> {
        let query = user_profile::Entity::find().filter(user_profile::Column::EmailKey.eq(email.as_str()));
        self.with_credentials(query).await
    }
    async fn has_active_operator(&self) -> Result<bool, StoreError> {
        let query = user_profile::Entity::find()
            .filter(user_profile::Column::Operator.eq(true))
            .filter(user_profile::Column::State.eq(ACTIVE));
        Ok(self.one::<_, User>(query.limit(1)).await?.is_some())
    }
    async fn deleted(&self, id: UserId) -> Result<Option<u64>, StoreError> {
        let row = deleted_user::Entity::find_by_id(id.uuid());
        let Some(row) = row.one(self.conn()).await.map_err(store_error)? else {
            return Ok(None);
        };
        let version = version("deleted_user", id, row.version).map_err(store_error)?;
        Ok(Some(version))
    }
    async fn closing(&self, user: UserId) -> Result<Option<Closing>, StoreError> {
        self.one(user_closing::Entity::find_by_id(user.uuid())).await
    }
    async fn closings(&self, before: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError> {
        let query = user_closing::Entity::find()
            .filter(user_closing::Column::CreatedAt.lt(before.0))
            .order_by_asc(user_closing::Column::CreatedAt);
        self.all(query.limit(limit)).await
    }
}

impl<C: Connected> Sql<C> {
    async fn with_credentials(
        &self,
        query: Select<user_profile::Entity>,
    ) -> Result<Option<Credentials>, StoreError> {
        // One statement, so that the user and the intent are read from one snapshot.
        let closing = user_profile::Entity::belongs_to(user_closing::Entity)
            .from(user_profile::Column::Id)
            .to(user_closing::Column::UserId)
            .into();
        let found = query
            .join(JoinType::LeftJoin, closing)
            .select_also(user_closing::Entity)
            .one(self.conn())
            .await
            .map_err(store_error)?;
        let Some((mut row, closing)) = found else {
            return Ok(None);
        };
        let password = row.password.take().map(|hash| PasswordHash::from_stored(hash.0));
        Ok(Some(Credentials {
            user: row.try_into().map_err(store_error)?,
            password,
            closing: closing.is_some(),
        }))
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn insert_user(&mut self, user: &User, password: Option<&PasswordHash>) -> Result<(), StoreError> {
        self.insert(user_profile::Model {
            id: user.id.uuid(),
            email: user.email.as_str().to_owned(),
            email_key: user.email.key().as_str().to_owned(),
            email_verified: user.email_verified,
            display_name: user.display_name.as_str().to_owned(),
            locale: user.locale.as_str().to_owned(),
            state: state_code(user.state),
            operator: user.operator,
            password: password.map(|hash| Hidden(hash.expose().to_owned())),
            created_at: user.created.0,
            version: stored(user.version),
        })
        .await
    }
    async fn update_user(&mut self, user: &User) -> Result<(), StoreError> {
        let change = user_profile::ActiveModel {
            id: Set(user.id.uuid()),
            display_name: Set(user.display_name.as_str().to_owned()),
            locale: Set(user.locale.as_str().to_owned()),
            state: Set(state_code(user.state)),
            operator: Set(user.operator),
            email_verified: Set(user.email_verified),
            version: Set(stored(user.version)),
            ..Default::default()
        };
        change.update(self.conn()).await.map_err(store_error)?;
        Ok(())
    }
    async fn set_password(&mut self, user: UserId, password: &PasswordHash) -> Result<(), StoreError> {
        let change = user_profile::ActiveModel {
            id: Set(user.uuid()),
            password: Set(Some(Hidden(password.expose().to_owned()))),
            ..Default::default()
        };
        change.update(self.conn()).await.map_err(store_error)?;
        Ok(())
    }
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError> {
        self.insert(user_closing::Model {
            user_id: closing.user.uuid(),
            access: closing.access.code().into(),
            version: stored(closing.version),
            actor: closing.actor.clone(),
            created_at: closing.created.0,
        })
        .await
    }
    async fn delete_closing(&mut self, user: UserId) -> Result<(), StoreError> {
        Ok(rows::delete::<user_closing::Entity>(self.conn(), user.uuid()).await?)
    }
    async fn erase_user(&mut self, user: &User, version: u64, now: Timestamp) -> Result<(), StoreError> {
        let id = user.id.uuid();
        let sql = "INSERT INTO ended_session (id, ended_at) \
                   SELECT id, COALESCE(ended_at, $2) FROM session WHERE user_id = $1";
        execute(self.conn(), sql, vec![id.into(), now.0.into()]).await?;
        // What belongs to a session goes with it. The foreign keys show where a table was forgotten.
        for table in [
            "session",
            "totp",
            "recovery_code",
            "sign_in_challenge",
            "known_device",
            "one_time_secret",
            "sign_in_address",
            "api_key",
            "user_closing",
        ] {
            let sql = format!("DELETE FROM {table} WHERE user_id = $1");
            execute(self.conn(), sql, vec![id.into()]).await?;
        }
        rows::delete::<user_profile::Entity>(self.conn(), id).await?;
        self.insert(deleted_user::Model {
            id,
            version: stored(version),
            deleted_at: now.0,
        })
        .await?;
        let from_the_first = Timestamp(i64::MIN);
        let rewritten = self.0.rewrite(&user.root(), from_the_first, without_user).await;
        rewritten.map_err(store_error)
    }
}
