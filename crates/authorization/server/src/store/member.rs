//! Members.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    member::{Member, Reader, Writer},
};
use bailiwick_policy::{MemberState, manifest::MemberKind};
use bailiwick_sql::{Error, placeholders};
use bailiwick_types::{AccountId, Subject, Timestamp, UserId};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value};
use uuid::Uuid;

use super::{
    convert::{At, column, set},
    entity::member,
    rows::FromRow,
    store_error,
    tx::{ReadConn, Tx, WriteConn},
    written,
};

/// Users that one statement names.
const USERS: usize = 1_000;
/// Scopes that one statement names.
const SCOPES: usize = 300;

impl FromRow for Member {
    type Entity = member::Entity;
    fn from_row(row: member::Model) -> Result<Self, Error> {
        let at = At::new("member", &row.user_id);
        Ok(Self {
            account: AccountId::from_uuid(row.account_id),
            user: UserId::from_uuid(row.user_id),
            kind: at.known("kind", MemberKind::from_code(row.kind))?,
            state: at.known("state", MemberState::from_code(row.state))?,
            expires_at: row.expires_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
        })
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn member(&self, user: UserId) -> Result<Option<Member>, StoreError> {
        self.find_id(user.uuid()).await
    }
    async fn members_of(&self, users: &[UserId]) -> Result<Vec<Member>, StoreError> {
        use member::Column as C;
        let mut members = Vec::with_capacity(users.len());
        for some in users.chunks(USERS) {
            let ids = some.iter().map(|user| user.uuid());
            let rows = self.own::<member::Entity>()?.filter(C::UserId.is_in(ids));
            members.extend(self.list::<Member>(rows).await?);
        }
        Ok(members)
    }
    async fn members(&self, after: Option<UserId>, limit: u64) -> Result<Vec<Member>, StoreError> {
        use member::Column as C;
        let rows = self
            .own::<member::Entity>()?
            .apply_if(after, |rows, after| rows.filter(C::UserId.gt(after.uuid())))
            .order_by_asc(C::UserId)
            .limit(limit);
        self.list(rows).await
    }
    async fn seats_taken(&self) -> Result<u64, StoreError> {
        let agents = self
            .own::<member::Entity>()?
            .filter(member::Column::Kind.eq(column(MemberKind::Agent.code())));
        self.count(agents).await
    }
    async fn accounts_of(&self, subject: &Subject) -> Result<Vec<AccountId>, StoreError> {
        let user = subject.user_id().map(UserId::uuid).unwrap_or_default();
        let sql = "SELECT account_id FROM member WHERE user_id = $1 \
                   UNION SELECT account_id FROM binding WHERE subject = $2 \
                   UNION SELECT account_id FROM group_member WHERE subject = $2 \
                   UNION SELECT account_id FROM entitlement WHERE subject = $2 ORDER BY 1";
        let rows = self
            .rows(sql, vec![user.into(), subject.to_string().into()])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(AccountId::from_uuid(
                    row.try_get("", "account_id").map_err(store_error)?,
                ))
            })
            .collect()
    }
}

impl<T: WriteConn> Tx<T> {
    /// Removes what a subject has in the account, but for its membership.
    pub(super) async fn remove_subject(&self, subject: &Subject) -> Result<(), StoreError> {
        let account = self.account_id()?;
        for table in ["binding", "entitlement", "group_member", "approval", "quota"] {
            let sql = format!("DELETE FROM {table} WHERE account_id = $1 AND subject = $2");
            self.run(&sql, vec![account.uuid().into(), subject.to_string().into()])
                .await?;
        }
        Ok(())
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_member(&mut self, of: &Member) -> Result<(), StoreError> {
        use member::Column as C;
        self.hold_user(of.user).await?;
        let row = member::ActiveModel {
            account_id: set(of.account.uuid()),
            user_id: set(of.user.uuid()),
            kind: set(column(of.kind.code())),
            state: set(column(of.state.code())),
            expires_at: set(of.expires_at.map(|at| at.0)),
            created_at: set(of.created_at.0),
        };
        self.upsert(row, [C::Kind, C::State, C::ExpiresAt]).await?;
        self.wrote(written::member(of.user, Some(of.state)))
    }
    async fn remove_member(&mut self, user: UserId) -> Result<(), StoreError> {
        let account = self.account_id()?;
        self.delete::<member::Entity>((account.uuid(), user.uuid()))
            .await?;
        self.remove_subject(&Subject::user(user)).await?;
        self.wrote(written::member(user, None))
    }
    async fn remove_grants(&mut self, subject: &Subject, scopes: &[Uuid]) -> Result<(), StoreError> {
        let account = self.account_id()?;
        for some in scopes.chunks(SCOPES) {
            let list = placeholders(3, some.len());
            let mut values: Vec<Value> = vec![account.uuid().into(), subject.to_string().into()];
            values.extend(some.iter().map(|id| Value::from(*id)));
            let sql = format!(
                "DELETE FROM entitlement WHERE account_id = $1 AND subject = $2 AND scope_id IN ({list})"
            );
            self.run(&sql, values.clone()).await?;
            let sql = format!(
                "DELETE FROM entitlement WHERE account_id = $1 AND subject = $2 AND kind = 1 AND EXISTS (\
                 SELECT 1 FROM resource r WHERE r.account_id = entitlement.account_id \
                 AND r.type = entitlement.resource_type AND r.id = entitlement.resource_id \
                 AND r.scope_id IN ({list}))"
            );
            self.run(&sql, values).await?;
        }
        self.wrote(written::rows_of(Some(subject)))
    }
}
