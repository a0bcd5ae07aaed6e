//! Users in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    email::EmailKey,
    password::PasswordHash,
    port::{StoreError, UserReader, UserWriter},
    user::{Closing, Credentials, User},
};
use bailiwick_types::{PageRequest, Timestamp, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    SqlStore, SqlUnit,
    entity::{user_closing, user_profile},
    failed, row,
};

#[async_trait]
impl UserReader for SqlStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let found = user_profile::Entity::find_by_id(id.uuid())
            .one(self.db.load())
            .await;
        found.map_err(failed)?.map(User::try_from).transpose()
    }
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let found = user_profile::Entity::find()
            .filter(user_profile::Column::Id.is_in(ids))
            .all(self.db.load())
            .await;
        found.map_err(failed)?.into_iter().map(User::try_from).collect()
    }
    async fn user_page(
        &self,
        page: &PageRequest<UserId>,
        email: Option<&EmailKey>,
    ) -> Result<Vec<User>, StoreError> {
        let mut query = user_profile::Entity::find();
        if let Some(after) = page.after {
            query = query.filter(user_profile::Column::Id.gt(after.uuid()));
        }
        if let Some(email) = email {
            query = query.filter(user_profile::Column::EmailKey.eq(email.as_str()));
        }
        let found = query
            .order_by_asc(user_profile::Column::Id)
            .limit(page.size.get())
            .all(self.db.load())
            .await;
        found.map_err(failed)?.into_iter().map(User::try_from).collect()
    }
    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        let query = user_profile::Entity::find_by_id(id.uuid());
        credentials(self.db.load(), query).await
    }
    async fn credentials_by_email(&self, email: &EmailKey) -> Result<Option<Credentials>, StoreError> {
        let query = user_profile::Entity::find().filter(user_profile::Column::EmailKey.eq(email.as_str()));
        credentials(self.db.load(), query).await
    }
    async fn has_operator(&self) -> Result<bool, StoreError> {
        has_operator(self.db.load()).await
    }
    async fn closings(&self, before: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError> {
        let found = user_closing::Entity::find()
            .filter(user_closing::Column::CreatedAt.lt(before.0))
            .order_by_asc(user_closing::Column::CreatedAt)
            .limit(limit)
            .all(self.db.load())
            .await;
        found
            .map_err(failed)?
            .into_iter()
            .map(Closing::try_from)
            .collect()
    }
}

#[async_trait]
impl UserWriter for SqlUnit {
    async fn credentials_now(&mut self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        credentials(self.tx.conn(), user_profile::Entity::find_by_id(id.uuid())).await
    }
    async fn has_operator_now(&mut self) -> Result<bool, StoreError> {
        has_operator(self.tx.conn()).await
    }
    async fn insert_user(&mut self, user: &User, password: Option<&PasswordHash>) -> Result<(), StoreError> {
        let row = row::user_row(user, password).into_active_model();
        user_profile::Entity::insert(row)
            .exec_without_returning(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn update_user(&mut self, user: &User) -> Result<(), StoreError> {
        let change = user_profile::ActiveModel {
            id: Set(user.id.uuid()),
            state: Set(row::state_code(user.state)),
            version: Set(row::stored(user.version)),
            ..Default::default()
        };
        change.update(self.tx.conn()).await.map_err(failed)?;
        Ok(())
    }
    async fn closing(&mut self, user: UserId) -> Result<Option<Closing>, StoreError> {
        let found = user_closing::Entity::find_by_id(user.uuid())
            .one(self.tx.conn())
            .await;
        found.map_err(failed)?.map(Closing::try_from).transpose()
    }
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError> {
        let row = user_closing::ActiveModel {
            user_id: Set(closing.user.uuid()),
            version: Set(row::stored(closing.version)),
            actor: Set(closing.actor.clone()),
            created_at: Set(closing.created.0),
        };
        user_closing::Entity::insert(row)
            .exec_without_returning(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn delete_closing(&mut self, user: UserId) -> Result<(), StoreError> {
        user_closing::Entity::delete_by_id(user.uuid())
            .exec(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
}

async fn credentials(
    conn: &impl ConnectionTrait,
    query: sea_orm::Select<user_profile::Entity>,
) -> Result<Option<Credentials>, StoreError> {
    // An outer join: the intent may be there or not, and both are read at one moment.
    let closing = user_profile::Entity::belongs_to(user_closing::Entity)
        .from(user_profile::Column::Id)
        .to(user_closing::Column::UserId)
        .into();
    let found = query
        .join(sea_orm::JoinType::LeftJoin, closing)
        .select_also(user_closing::Entity)
        .one(conn)
        .await
        .map_err(failed)?;
    let Some((row, closing)) = found else {
        return Ok(None);
    };
    let password = row::password(&row);
    Ok(Some(Credentials {
        user: User::try_from(row)?,
        password,
        closing: closing.is_some(),
    }))
}

async fn has_operator(conn: &impl ConnectionTrait) -> Result<bool, StoreError> {
    let found = user_profile::Entity::find()
        .filter(user_profile::Column::Operator.eq(true))
        .limit(1)
        .one(conn)
        .await;
    Ok(found.map_err(failed)?.is_some())
}
