//! Requests for approvals.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    On, StoreError,
    approval::{After, Approval, Filter, Reader, State, Writer},
};
use bailiwick_types::{AccountId, ApprovalId, Subject, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    convert::{At, column, set, stored},
    entity::approval,
    rows::FromRow,
    tx::{ReadConn, Tx, WriteConn},
};

impl FromRow for Approval {
    type Entity = approval::Entity;
    fn from_row(row: approval::Model) -> Result<Self, StoreError> {
        let at = At::new("approval", &row.id);
        Ok(Self {
            id: ApprovalId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            requester: at.parse("subject", &row.subject)?,
            on: at.parse("target", &row.target)?,
            state: at.known("state", State::from_code(row.state))?,
            once: row.serves_once,
            lasts: row
                .lasts_seconds
                .map(|seconds| at.number("lasts_seconds", seconds))
                .transpose()?,
            expires_at: row.expires_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
            decider: row
                .decided_by
                .as_deref()
                .map(|text| at.parse("decided_by", text))
                .transpose()?,
            decided_at: row.decided_at.map(Timestamp),
            by: row.approver_permission.clone(),
            permission: row.permission.clone(),
            digest: row.digest.clone(),
        })
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        let account = self.account_id()?;
        self.find(approval::Entity::find_by_id((account.uuid(), id.uuid())))
            .await
    }
    async fn pending_approval(
        &self,
        requester: &Subject,
        permission: &str,
        on: &On,
        digest: &str,
    ) -> Result<Option<Approval>, StoreError> {
        use approval::Column as C;
        let row = self
            .own::<approval::Entity>()?
            .filter(C::Subject.eq(requester.as_str()))
            .filter(C::Permission.eq(permission))
            .filter(C::Target.eq(on.to_string()))
            .filter(C::Digest.eq(digest))
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
        let mut rows = self
            .own::<approval::Entity>()?
            .order_by_desc(C::CreatedAt)
            .order_by_desc(C::Id)
            .limit(limit);
        if let Some(requester) = &filter.requester {
            rows = rows.filter(C::Subject.eq(requester.as_str()));
        }
        if let Some(state) = filter.state {
            rows = rows.filter(C::State.eq(column(state.code())));
        }
        if let Some(on) = &filter.on {
            rows = rows.filter(C::Target.eq(on.to_string()));
        }
        if let Some((at, id)) = after {
            let same = Condition::all().add(C::CreatedAt.eq(at.0)).add(C::Id.lt(id));
            rows = rows.filter(Condition::any().add(C::CreatedAt.lt(at.0)).add(same));
        }
        self.list(rows).await
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_approval(&mut self, of: &Approval) -> Result<(), StoreError> {
        use approval::Column as C;
        self.check("approval", of.account)?;
        let row = approval::ActiveModel {
            account_id: set(of.account.uuid()),
            id: set(of.id.uuid()),
            subject: set(of.requester.to_string()),
            permission: set(of.permission.clone()),
            target: set(of.on.to_string()),
            digest: set(of.digest.clone()),
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
