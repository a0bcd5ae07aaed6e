//! Sessions in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    port::{SessionReader, SessionWriter, StoreError},
    secret::Digest,
    session::{RefreshToken, Session},
};
use bailiwick_sql::statement;
use bailiwick_types::{SessionId, Timestamp, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::Expr,
};

use super::{
    SqlStore, SqlUnit,
    entity::{refresh_token, session},
    failed, row,
};

#[async_trait]
impl SessionReader for SqlStore {
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let found = session::Entity::find_by_id(id.uuid()).one(self.db.load()).await;
        Ok(found.map_err(failed)?.map(Session::from))
    }
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let found = session::Entity::find()
            .filter(session::Column::EndedAt.gte(since.0))
            .all(self.db.load())
            .await;
        let ids = found.map_err(failed)?.into_iter();
        Ok(ids.map(|row| SessionId::from_uuid(row.id)).collect())
    }
    async fn refresh_token(&self, digest: &Digest) -> Result<Option<RefreshToken>, StoreError> {
        let found = refresh_token::Entity::find_by_id(digest.as_bytes().to_vec())
            .one(self.db.load())
            .await;
        found.map_err(failed)?.map(RefreshToken::try_from).transpose()
    }
}

#[async_trait]
impl SessionWriter for SqlUnit {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let row = row::session_row(session).into_active_model();
        session::Entity::insert(row)
            .exec_without_returning(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn session_now(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let found = session::Entity::find_by_id(id.uuid()).one(self.tx.conn()).await;
        Ok(found.map_err(failed)?.map(Session::from))
    }
    async fn live_sessions(&mut self, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let found = session::Entity::find()
            .filter(session::Column::UserId.eq(user.uuid()))
            .filter(session::Column::EndedAt.is_null())
            .filter(session::Column::ExpiresAt.gt(now.0))
            .order_by_asc(session::Column::Id)
            .all(self.tx.conn())
            .await;
        Ok(found
            .map_err(failed)?
            .into_iter()
            .map(|row| SessionId::from_uuid(row.id))
            .collect())
    }
    async fn end_session(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let done = session::Entity::update_many()
            .col_expr(session::Column::EndedAt, Expr::value(now.0))
            .filter(live(id, now))
            .exec(self.tx.conn())
            .await;
        Ok(done.map_err(failed)?.rows_affected == 1)
    }
    async fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        let row = refresh_token::ActiveModel {
            digest: Set(token.digest.as_bytes().to_vec()),
            session_id: Set(token.session.uuid()),
            created_at: Set(token.created.0),
            expires_at: Set(token.expires.0),
            used_at: Set(token.used.map(|at| at.0)),
        };
        refresh_token::Entity::insert(row)
            .exec_without_returning(self.tx.conn())
            .await
            .map_err(failed)?;
        Ok(())
    }
    async fn use_refresh_token(&mut self, digest: &Digest, now: Timestamp) -> Result<bool, StoreError> {
        let done = refresh_token::Entity::update_many()
            .col_expr(refresh_token::Column::UsedAt, Expr::value(now.0))
            .filter(refresh_token::Column::Digest.eq(digest.as_bytes().to_vec()))
            .filter(refresh_token::Column::UsedAt.is_null())
            .filter(refresh_token::Column::ExpiresAt.gt(now.0))
            .exec(self.tx.conn())
            .await;
        Ok(done.map_err(failed)?.rows_affected == 1)
    }
    async fn step_up(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let done = session::Entity::update_many()
            .col_expr(session::Column::SteppedUpAt, Expr::value(now.0))
            .filter(live(id, now))
            .exec(self.tx.conn())
            .await;
        Ok(done.map_err(failed)?.rows_affected == 1)
    }
    async fn consume_step_up(
        &mut self,
        id: SessionId,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = session::Entity::update_many()
            .col_expr(session::Column::SteppedUpAt, Expr::value(Option::<i64>::None))
            .filter(live(id, now))
            .filter(session::Column::SteppedUpAt.gte(not_before.0))
            .exec(self.tx.conn())
            .await;
        Ok(done.map_err(failed)?.rows_affected == 1)
    }
    async fn purge_sessions(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM session WHERE id IN \
                   (SELECT id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
        let conn = self.tx.conn();
        let values = vec![before.0.into(), row::stored(limit).into()];
        let done = conn
            .execute_raw(statement(conn, sql, values))
            .await
            .map_err(failed)?;
        Ok(done.rows_affected())
    }
}

fn live(id: SessionId, now: Timestamp) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(session::Column::Id.eq(id.uuid()))
        .add(session::Column::EndedAt.is_null())
        .add(session::Column::ExpiresAt.gt(now.0))
}
