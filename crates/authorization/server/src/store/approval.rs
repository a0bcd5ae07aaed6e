//! Requests for approvals.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    On, StoreError,
    approval::{After, Approval, Filter, Reader, State, Writer},
};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, ApprovalId, Subject, Timestamp};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::ExprTrait};

use super::{
    convert::{At, column, set, stored},
    entity::approval,
    rows::{FromRow, pair},
    tx::{ReadConn, Tx, WriteConn},
};

impl FromRow for Approval {
    type Entity = approval::Entity;
    fn from_row(row: approval::Model) -> Result<Self, Error> {
        let at = At::new("approval", &row.id);
        Ok(Self {
            id: ApprovalId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            requester: at.parse("subject", &row.subject)?,
            on: at.parse("target", &row.target)?,
            state: at.known("state", State::from_code(row.state))?,
            once: row.serves_once,
            lasts: at.optional_number("lasts_seconds", row.lasts_seconds)?,
            expires_at: row.expires_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
            decider: at.optional("decided_by", row.decided_by.as_deref())?,
            decided_at: row.decided_at.map(Timestamp),
            by: row.approver_permission.clone(),
            permission: row.permission.clone(),
            digest: row.digest.clone(),
            bound: row.bound.clone(),
        })
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.find_id(id.uuid()).await
    }
    async fn pending_approval(
        &self,
        requester: &Subject,
        permission: &str,
        on: &On,
        (digest, bound): (&str, &str),
    ) -> Result<Option<Approval>, StoreError> {
        use approval::Column as C;
        let row = self
            .own::<approval::Entity>()?
            .filter(C::Subject.eq(requester.as_str()))
            .filter(C::Permission.eq(permission))
            .filter(C::Target.eq(on.to_string()))
            .filter(C::Digest.eq(digest))
            .filter(C::Bound.eq(bound))
            .filter(C::State.eq(column(State::Pending.code())));
        self.find(row).await
    }
    async fn approvals(
        &self,
        filter: &Filter,
        after: Option<After>,
        limit: u64,
    ) -> Result<Vec<Approval>, StoreError> {
        use approval::Column as C;
        let key = pair(C::CreatedAt.into_expr(), C::Id.into_expr());
        let rows = self
            .own::<approval::Entity>()?
            .apply_if(filter.requester.as_ref(), |rows, of| {
                rows.filter(C::Subject.eq(of.as_str()))
            })
            .apply_if(filter.state, |rows, state| {
                rows.filter(C::State.eq(column(state.code())))
            })
            .apply_if(filter.on.as_ref(), |rows, on| {
                rows.filter(C::Target.eq(on.to_string()))
            })
            .apply_if(after, |rows, (at, id)| rows.filter(key.lt(pair(at.0, id))))
            .order_by_desc(C::CreatedAt)
            .order_by_desc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_approval(&mut self, of: &Approval) -> Result<(), StoreError> {
        use approval::Column as C;
        let row = approval::ActiveModel {
            account_id: set(of.account.uuid()),
            id: set(of.id.uuid()),
            subject: set(of.requester.to_string()),
            permission: set(of.permission.clone()),
            target: set(of.on.to_string()),
            digest: set(of.digest.clone()),
            bound: set(of.bound.clone()),
            approver_permission: set(of.by.clone()),
            state: set(column(of.state.code())),
            serves_once: set(of.once),
            lasts_seconds: set(of.lasts.map(stored)),
            expires_at: set(of.expires_at.map(|at| at.0)),
            created_at: set(of.created_at.0),
            decided_at: set(of.decided_at.map(|at| at.0)),
            decided_by: set(of.decider.as_ref().map(ToString::to_string)),
        };
        self.upsert(row, [C::State, C::ExpiresAt, C::DecidedAt, C::DecidedBy])
            .await
    }
}
