//! Sessions in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    secret::Digest,
    session::{Client, Consumption, Proof, Reader, RefreshToken, Session, UserAgent, Writer},
};
use bailiwick_sql::{Error, execute};
use bailiwick_types::{AccountId, SessionId, StoreError, Timestamp, UserId};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, UpdateMany, sea_query::Expr,
};

use super::{
    Connected, Sql, SqlWrite,
    entity::{digest, ended_session, refresh_token, revoked_token, session, step_up},
    store_error, stored,
};

impl TryFrom<session::Model> for Session {
    type Error = Error;
    fn try_from(row: session::Model) -> Result<Self, Error> {
        const TABLE: &str = "session";
        let id = SessionId::from_uuid(row.id);
        let network = row.network.parse();
        let proof = Proof::from_code(row.proof);
        Ok(Self {
            id,
            user: UserId::from_uuid(row.user_id),
            account: row.account_id.map(AccountId::from_uuid),
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            ended: row.ended_at.map(Timestamp),
            refreshed: row.refreshed_at.map(Timestamp),
            proof: proof.ok_or_else(|| Error::corrupt(TABLE, "proof", id, row.proof))?,
            client: Client {
                agent: UserAgent::new(&row.user_agent),
                network: network.map_err(|error| Error::corrupt(TABLE, "network", id, error))?,
            },
        })
    }
}

impl TryFrom<refresh_token::Model> for RefreshToken {
    type Error = Error;
    fn try_from(row: refresh_token::Model) -> Result<Self, Error> {
        const TABLE: &str = "refresh_token";
        let parent = row.parent.map(|bytes| digest(TABLE, "parent", bytes));
        Ok(Self {
            digest: digest(TABLE, "digest", row.digest)?,
            session: SessionId::from_uuid(row.session_id),
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            used: row.used_at.map(Timestamp),
            parent: parent.transpose()?,
            access: row.access_token,
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
            .order_by_asc(session::Column::CreatedAt)
            .order_by_asc(session::Column::Id);
        self.session_ids(query).await
    }
    async fn session_page(
        &self,
        user: UserId,
        after: Option<SessionId>,
        limit: u64,
        now: Timestamp,
        idle: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        use session::Column;
        let never_refreshed = Condition::all()
            .add(Column::RefreshedAt.is_null())
            .add(Column::CreatedAt.gt(idle.0));
        let used = Condition::any()
            .add(Column::RefreshedAt.gt(idle.0))
            .add(never_refreshed);
        let mut query = session::Entity::find()
            .filter(Column::UserId.eq(user.uuid()))
            .filter(live(now))
            .filter(used);
        if let Some(after) = after {
            query = query.filter(Column::Id.lt(after.uuid()));
        }
        self.all(query.order_by_desc(Column::Id).limit(limit)).await
    }
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let of_users = session::Entity::find().filter(session::Column::EndedAt.gte(since.0));
        let mut ended = self.session_ids(of_users).await?;
        let of_deleted = ended_session::Entity::find().filter(ended_session::Column::EndedAt.gte(since.0));
        let of_deleted = of_deleted.all(self.conn()).await.map_err(store_error)?;
        ended.extend(of_deleted.into_iter().map(|row| SessionId::from_uuid(row.id)));
        Ok(ended)
    }
    async fn refresh_token(&self, digest: &Digest) -> Result<Option<RefreshToken>, StoreError> {
        self.one(refresh_token::Entity::find_by_id(digest.as_bytes().to_vec()))
            .await
    }
    async fn unused_child(&self, parent: &Digest) -> Result<Option<RefreshToken>, StoreError> {
        let query = refresh_token::Entity::find()
            .filter(refresh_token::Column::Parent.eq(parent.as_bytes().to_vec()))
            .filter(refresh_token::Column::UsedAt.is_null());
        self.one(query.limit(1)).await
    }
    async fn revoked_tokens(&self, after: Timestamp) -> Result<Vec<String>, StoreError> {
        let query = revoked_token::Entity::find().filter(revoked_token::Column::ExpiresAt.gt(after.0));
        let rows = query.all(self.conn()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|row| row.token).collect())
    }
    async fn is_revoked(&self, token: &str) -> Result<bool, StoreError> {
        let query = revoked_token::Entity::find_by_id(token.to_owned());
        Ok(query.one(self.conn()).await.map_err(store_error)?.is_some())
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
            refreshed_at: session.refreshed.map(|at| at.0),
            proof: session.proof.code().into(),
            user_agent: session.client.agent.as_str().to_owned(),
            network: session.client.network.to_string(),
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
            parent: token.parent.map(|parent| parent.as_bytes().to_vec()),
            access_token: token.access.clone(),
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
    async fn refreshed(&mut self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        let update = update_live(id, now).col_expr(session::Column::RefreshedAt, Expr::value(now.0));
        self.one_changed(update).await.map(drop)
    }
    async fn revoke_token(&mut self, token: &str, expires: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO revoked_token (token, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let values = vec![token.into(), expires.0.into()];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn step_up(&mut self, id: SessionId, method: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO step_up (session_id, method, made_at) \
                   SELECT id, $2, $3 FROM session WHERE id = $1 AND ended_at IS NULL AND expires_at > $3 \
                   ON CONFLICT (session_id, method) DO UPDATE SET made_at = excluded.made_at";
        let values = vec![id.uuid().into(), method.into(), now.0.into()];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn forget_step_ups(&mut self, id: SessionId) -> Result<(), StoreError> {
        let sql = "DELETE FROM step_up WHERE session_id = $1";
        execute(self.conn(), sql, vec![id.uuid().into()]).await?;
        Ok(())
    }
    async fn consume_step_up(&mut self, of: &Consumption<'_>) -> Result<bool, StoreError> {
        let sql = "UPDATE step_up SET made_at = NULL, consumed_at = $4, request = $3 \
                   WHERE session_id = $1 AND method = $2 AND made_at >= $5 \
                   AND NOT (consumed_at IS NOT NULL AND consumed_at >= $6 AND request = $3) \
                   AND EXISTS (SELECT 1 FROM session WHERE id = $1 AND ended_at IS NULL AND expires_at > $4)";
        let values = vec![
            of.session.uuid().into(),
            of.method.into(),
            of.request.0.to_vec().into(),
            of.now.0.into(),
            of.not_before.0.into(),
            of.repeated_since.0.into(),
        ];
        if execute(self.conn(), sql, values).await? == 1 {
            return Ok(true);
        }
        let query = step_up::Entity::find_by_id((of.session.uuid(), of.method.to_owned()))
            .filter(step_up::Column::ConsumedAt.gte(of.repeated_since.0))
            .filter(step_up::Column::Request.eq(of.request.0.to_vec()));
        let repeated = query.one(self.conn()).await.map_err(store_error)?.is_some();
        let session = self.session(of.session).await?;
        Ok(repeated && session.is_some_and(|session| session.is_live(of.now)))
    }
    async fn purge_sessions(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM session WHERE id IN \
                   (SELECT id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
        let values = vec![before.0.into(), stored(limit).into()];
        let purged = execute(self.conn(), sql, values).await?;
        let sql = "DELETE FROM ended_session WHERE ended_at < $1";
        execute(self.conn(), sql, vec![before.0.into()]).await?;
        Ok(purged)
    }
    async fn purge_tokens(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let mut most = 0;
        for sql in [
            "DELETE FROM refresh_token WHERE digest IN \
             (SELECT digest FROM refresh_token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            "DELETE FROM revoked_token WHERE token IN \
             (SELECT token FROM revoked_token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        ] {
            let values = vec![before.0.into(), stored(limit).into()];
            most = most.max(execute(self.conn(), sql, values).await?);
        }
        Ok(most)
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
