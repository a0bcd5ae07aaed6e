//! Moves of workspaces that are under way.

use async_trait::async_trait;
use bailiwick_sql::{Error, rows};
use bailiwick_tenancy_core::{
    moving::{Mover, Moving, Reader, Unfinished, Writer},
    request::RequestKey,
};
use bailiwick_types::{AccountId, InstanceId, StoreError, Timestamp, WorkspaceId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{
    convert::{number, stored},
    entity::moving::{Column, Entity, Model},
    store_error,
    unit::{AllUnit, Tx, Unit, WriteUnit},
};

impl TryFrom<Model> for Moving {
    type Error = Error;
    fn try_from(row: Model) -> Result<Self, Error> {
        let id = row.workspace_id;
        let subject = row.mover.parse();
        let key = row.request_caller.zip(row.request_id).zip(row.request_digest);
        Ok(Self {
            account: AccountId::from_uuid(row.source_id),
            workspace: WorkspaceId::from_uuid(id),
            target: AccountId::from_uuid(row.target_id),
            parent: row.parent_id.map(InstanceId::from_uuid),
            version: number(row.version),
            mover: Mover {
                subject: subject.map_err(|error| Error::corrupt("moving", "mover", id, error))?,
                operator: row.operator,
                target_operator: row.target_operator,
            },
            request: key.map(|((caller, id), digest)| RequestKey { caller, id, digest }),
            begun: Timestamp(row.begun_at),
        })
    }
}

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_moving(&mut self, id: WorkspaceId) -> Result<Option<Moving>, StoreError> {
        let account = self.account().uuid();
        let select = Entity::find_by_id((account, id.uuid())).filter(Column::SourceId.eq(account));
        let row = select.one(self.conn()).await.map_err(store_error)?;
        Ok(row.map(Moving::try_from).transpose()?)
    }
}

#[async_trait]
impl Unfinished for AllUnit {
    async fn unfinished_moves(
        &mut self,
        begun_until: Timestamp,
        after: Option<&Moving>,
        limit: u64,
    ) -> Result<Vec<Moving>, StoreError> {
        use sea_orm::sea_query::{Expr, ExprTrait};
        let of_source = Expr::col(Column::AccountId).eq(Expr::col(Column::SourceId));
        let follows = |one: &Moving| {
            let (begun, id) = (one.begun.0, one.workspace.uuid());
            let same = Column::BegunAt.eq(begun).and(Column::WorkspaceId.gt(id));
            Column::BegunAt.gt(begun).or(same)
        };
        let select = Entity::find()
            .apply_if(after, |select, after| select.filter(follows(after)))
            .filter(Column::BegunAt.lte(begun_until.0))
            .filter(of_source)
            .order_by_asc(Column::BegunAt)
            .order_by_asc(Column::WorkspaceId)
            .limit(limit);
        let rows = select.all(self.0.conn()).await.map_err(store_error)?;
        let moves = rows.into_iter().map(Moving::try_from);
        Ok(moves.collect::<Result<_, Error>>()?)
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn insert_moving(&mut self, moving: &Moving) -> Result<(), StoreError> {
        let key = moving.request.as_ref();
        let row = Model {
            account_id: self.account().uuid(),
            workspace_id: moving.workspace.uuid(),
            source_id: moving.account.uuid(),
            target_id: moving.target.uuid(),
            parent_id: moving.parent.map(InstanceId::uuid),
            version: stored(moving.version),
            mover: moving.mover.subject.to_string(),
            operator: moving.mover.operator,
            target_operator: moving.mover.target_operator,
            request_caller: key.map(|key| key.caller.clone()),
            request_id: key.map(|key| key.id),
            request_digest: key.map(|key| key.digest.clone()),
            begun_at: moving.begun.0,
        };
        Ok(rows::insert(self.conn(), row).await?)
    }
    async fn remove_moving(&mut self, moving: &Moving) -> Result<bool, StoreError> {
        let key = (self.account().uuid(), moving.workspace.uuid());
        let delete = Entity::delete_by_id(key).filter(Column::Version.eq(stored(moving.version)));
        let done = delete.exec(self.conn()).await.map_err(store_error)?;
        Ok(done.rows_affected == 1)
    }
}
