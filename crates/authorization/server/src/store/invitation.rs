//! Invitations.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    invitation::{After, Invitation, Reader, State, Writer},
};
use bailiwick_policy::manifest::MemberKind;
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, EmailKey, InvitationId, Scope, Timestamp};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::ExprTrait};

use super::{
    convert::{At, column, generation, json, set, stored},
    entity::invitation,
    rows::{FromRow, pair},
    tx::{ReadConn, Tx, WriteConn},
};

impl FromRow for Invitation {
    type Entity = invitation::Entity;
    fn from_row(row: invitation::Model) -> Result<Self, Error> {
        let at = At::new("invitation", &row.id);
        Ok(Self {
            id: InvitationId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            kind: at.known("member_kind", MemberKind::from_code(row.member_kind))?,
            roles: at.json("roles", &row.roles)?,
            generation: at.generation(row.generation)?,
            scope: at.scope(row.scope_level, row.scope_id)?,
            state: at.known("state", State::from_code(row.state))?,
            expires_at: Timestamp(row.expires_at),
            created_at: Timestamp(row.created_at),
            creator: at.parse("creator", &row.creator)?,
            version: at.number("version", row.version)?,
            email: at.parse("email", &row.email)?,
        })
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>, StoreError> {
        self.find_id(id.uuid()).await
    }
    async fn newest_invitation(
        &self,
        key: &EmailKey,
        scope: &Scope,
    ) -> Result<Option<Invitation>, StoreError> {
        let rows = self
            .own::<invitation::Entity>()?
            .filter(invitation::Column::EmailKey.eq(key.as_str()))
            .filter(invitation::Column::ScopeId.eq(scope.uuid().unwrap_or_default()))
            // The number of pending ones is the lowest.
            .order_by_asc(invitation::Column::State)
            .order_by_desc(invitation::Column::CreatedAt)
            .order_by_desc(invitation::Column::Id);
        self.find(rows).await
    }
    async fn invited_roles(&self, now: Timestamp) -> Result<BTreeSet<String>, StoreError> {
        use invitation::Column as C;
        let rows = self
            .own::<invitation::Entity>()?
            .filter(C::State.eq(column(State::Pending.code())))
            .filter(C::ExpiresAt.gt(now.0));
        let pending: Vec<Invitation> = self.list(rows).await?;
        Ok(pending.into_iter().flat_map(|one| one.roles).collect())
    }
    async fn invitations(
        &self,
        key: Option<&EmailKey>,
        after: Option<After>,
        limit: u64,
    ) -> Result<Vec<Invitation>, StoreError> {
        use invitation::Column as C;
        let position = pair(C::CreatedAt.into_expr(), C::Id.into_expr());
        let rows = self
            .own::<invitation::Entity>()?
            .apply_if(key, |rows, key| rows.filter(C::EmailKey.eq(key.as_str())))
            .apply_if(after, |rows, (at, id)| rows.filter(position.lt(pair(at.0, id))))
            .order_by_desc(C::CreatedAt)
            .order_by_desc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_invitation(&mut self, of: &Invitation) -> Result<(), StoreError> {
        use invitation::Column as C;
        let row = invitation::ActiveModel {
            account_id: set(of.account.uuid()),
            id: set(of.id.uuid()),
            email: set(of.email.to_string()),
            email_key: set(of.email.key().into()),
            scope_level: set(column(of.scope.level().code())),
            scope_id: set(of.scope.uuid().unwrap_or_default()),
            member_kind: set(column(of.kind.code())),
            roles: set(json(&of.roles)),
            generation: set(generation(of.generation)),
            state: set(column(of.state.code())),
            creator: set(of.creator.to_string()),
            expires_at: set(of.expires_at.0),
            created_at: set(of.created_at.0),
            version: set(stored(of.version)),
        };
        self.upsert(row, [C::State, C::ExpiresAt, C::Version]).await
    }
}
