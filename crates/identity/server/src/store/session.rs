//! Sessions in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    secret::Digest,
    session::{Reader, RefreshToken, Session, Writer},
};
use bailiwick_sql::{Error, execute};
use bailiwick_types::{AccountId, SessionId, StoreError, Timestamp, UserId};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, UpdateMany, sea_query::Expr};

use super::{
    Connected, Sql, SqlWrite,
    entity::{digest, refresh_token, session},
    store_error, stored,
};

impl TryFrom<session::Model> for Session {
    type Error = Error;
    fn try_from(row: session::Model) -> Result<Self, Error> {
        Ok(Self {
            id: SessionId::from_uuid(row.id),
            user: UserId::from_uuid(row.user_id),
            account: row.account_id.map(AccountId::from_uuid),
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            ended: row.ended_at.map(Timestamp),
            stepped_up: row.stepped_up_at.map(Timestamp),
        })
    }
}

impl TryFrom<refresh_token::Model> for RefreshToken {
    type Error = Error;
    fn try_from(row: refresh_token::Model) -> Result<Self, Error> {
        Ok(Self {
            digest: digest("refresh_token", "digest", row.digest)?,
            session: SessionId::from_uuid(row.session_id),
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            used: row.used_at.map(Timestamp),
        })
    }
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.one(session::Entity::find_by_id(id.uuid())).await
    }
    async fn live_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let query = session::Entity::find()
            .filter(session::Column::UserId.eq(user.uuid()))
            .filter(live(now))
            .order_by_asc(session::Column::Id);
        self.session_ids(query).await
    }
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.session_ids(session::Entity::find().filter(session::Column::EndedAt.gte(since.0)))
            .await
    }
    async fn refresh_token(&self, digest: &Digest) -> Result<Option<RefreshToken>, StoreError> {
        self.one(refresh_token::Entity::find_by_id(digest.as_bytes().to_vec()))
            .await
    }
}

impl<C: Connected> Sql<C> {
    async fn session_ids(
        &self,
        query: sea_orm::Select<session::Entity>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let sessions: Vec<Session> = self.all(query).await?;
        Ok(sessions.into_iter().map(|session| session.id).collect())
    }
}

impl SqlWrite {
    /// Whether one row is changed.
    async fn one_changed<E: EntityTrait>(&self, update: UpdateMany<E>) -> Result<bool, StoreError> {
        let done = update.exec(self.conn()).await.map_err(store_error)?;
        Ok(done.rows_affected == 1)
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.insert(session::Model {
            id: session.id.uuid(),
            user_id: session.user.uuid(),
            account_id: session.account.map(AccountId::uuid),
            created_at: session.created.0,
            expires_at: session.expires.0,
            ended_at: session.ended.map(|at| at.0),
            stepped_up_at: session.stepped_up.map(|at| at.0),
        })
        .await
    }
    async fn end_session(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        self.one_changed(update_live(id, now).col_expr(session::Column::EndedAt, Expr::value(now.0)))
            .await
    }
    async fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        self.insert(refresh_token::Model {
            digest: token.digest.as_bytes().to_vec(),
            session_id: token.session.uuid(),
            created_at: token.created.0,
            expires_at: token.expires.0,
            used_at: token.used.map(|at| at.0),
        })
        .await
    }
    async fn use_refresh_token(&mut self, digest: &Digest, now: Timestamp) -> Result<bool, StoreError> {
        let update = refresh_token::Entity::update_many()
            .col_expr(refresh_token::Column::UsedAt, Expr::value(now.0))
            .filter(refresh_token::Column::Digest.eq(digest.as_bytes().to_vec()))
            .filter(refresh_token::Column::UsedAt.is_null())
            .filter(refresh_token::Column::ExpiresAt.gt(now.0));
        self.one_changed(update).await
    }
    async fn step_up(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        self.one_changed(update_live(id, now).col_expr(session::Column::SteppedUpAt, Expr::value(now.0)))
            .await
    }
    async fn consume_step_up(
        &mut self,
        id: SessionId,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = update_live(id, now)
            .col_expr(session::Column::SteppedUpAt, Expr::value(Option::<i64>::None))
            .filter(session::Column::SteppedUpAt.gte(not_before.0));
        self.one_changed(update).await
    }
    async fn purge_sessions(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM session WHERE id IN \
                   (SELECT id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
        let values = vec![before.0.into(), stored(limit).into()];
        Ok(execute(self.conn(), sql, values).await?)
    }
}

fn live(now: Timestamp) -> Condition {
    Condition::all()
        .add(session::Column::EndedAt.is_null())
        .add(session::Column::ExpiresAt.gt(now.0))
}

fn update_live(id: SessionId, now: Timestamp) -> UpdateMany<session::Entity> {
    session::Entity::update_many()
        .filter(session::Column::Id.eq(id.uuid()))
        .filter(live(now))
}
