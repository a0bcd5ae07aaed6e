//! Groups.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    group::{Group, Reader, Writer},
};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, GroupId, Subject, Timestamp};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{
    convert::{At, set},
    entity::{group_member, subject_group},
    rows::FromRow,
    store_error,
    tx::{ReadConn, Tx, WriteConn},
    written,
};

impl FromRow for Group {
    type Entity = subject_group::Entity;
    fn from_row(row: subject_group::Model) -> Result<Self, Error> {
        Ok(Self {
            id: GroupId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            title: row.title,
            created_at: Timestamp(row.created_at),
        })
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn group(&self, id: GroupId) -> Result<Option<Group>, StoreError> {
        self.find_id(id.uuid()).await
    }
    async fn groups(&self, after: Option<Uuid>, limit: u64) -> Result<Vec<Group>, StoreError> {
        use subject_group::Column as C;
        let rows = self
            .own::<subject_group::Entity>()?
            .apply_if(after, |rows, after| rows.filter(C::Id.gt(after)))
            .order_by_asc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
    async fn group_members(
        &self,
        id: GroupId,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Subject>, StoreError> {
        use group_member::Column as C;
        let rows = self
            .own::<group_member::Entity>()?
            .filter(C::GroupId.eq(id.uuid()))
            .apply_if(after, |rows, after| rows.filter(C::Subject.gt(after)))
            .order_by_asc(C::Subject)
            .limit(limit);
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        let subject =
            |row: &group_member::Model| At::new("group_member", &row.group_id).parse("subject", &row.subject);
        Ok(rows.iter().map(subject).collect::<Result<_, _>>()?)
    }
    async fn groups_of(&self, subject: &Subject) -> Result<Vec<GroupId>, StoreError> {
        let rows = self
            .own::<group_member::Entity>()?
            .filter(group_member::Column::Subject.eq(subject.as_str()));
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        Ok(rows
            .into_iter()
            .map(|row| GroupId::from_uuid(row.group_id))
            .collect())
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_group(&mut self, of: &Group) -> Result<(), StoreError> {
        let row = subject_group::ActiveModel {
            account_id: set(of.account.uuid()),
            id: set(of.id.uuid()),
            subject: set(Subject::group(of.id).to_string()),
            title: set(of.title.clone()),
            created_at: set(of.created_at.0),
        };
        self.insert(row).await?;
        self.wrote(written::group(of.id, false))
    }
    async fn remove_group(&mut self, id: GroupId) -> Result<(), StoreError> {
        let account = self.account_id()?;
        let subject = Subject::group(id).to_string();
        for table in ["binding", "entitlement", "group_member"] {
            let sql = format!("DELETE FROM {table} WHERE account_id = $1 AND subject = $2");
            self.run(&sql, vec![account.uuid().into(), subject.clone().into()])
                .await?;
        }
        let values = || vec![account.uuid().into(), id.uuid().into()];
        self.run(
            "DELETE FROM group_member WHERE account_id = $1 AND group_id = $2",
            values(),
        )
        .await?;
        self.run(
            "DELETE FROM subject_group WHERE account_id = $1 AND id = $2",
            values(),
        )
        .await?;
        self.wrote(written::group(id, true))
    }
    async fn set_group_member(
        &mut self,
        id: GroupId,
        subject: &Subject,
        is_in: bool,
    ) -> Result<(), StoreError> {
        let account = self.account_id()?;
        if let Some(user) = subject.user_id() {
            self.hold_user(user).await?;
        }
        let sql = if is_in {
            "INSERT INTO group_member (account_id, group_id, subject) VALUES ($1, $2, $3) \
             ON CONFLICT (account_id, group_id, subject) DO NOTHING"
        } else {
            "DELETE FROM group_member WHERE account_id = $1 AND group_id = $2 AND subject = $3"
        };
        let values = vec![
            account.uuid().into(),
            id.uuid().into(),
            subject.to_string().into(),
        ];
        self.run(sql, values).await?;
        self.wrote(written::group_member(id, subject, !is_in))
    }
}
