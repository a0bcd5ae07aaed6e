//! Role bindings.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    binding::{Binding, Filter, Holder, Reader, Writer},
    member::Member,
};
use bailiwick_types::{AccountId, BindingId, GroupId, Scope, Subject, Timestamp, UserId};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, sea_query::OnConflict,
};
use serde_json::Map;
use uuid::Uuid;

use super::{
    convert::{At, json, kind_of, level_number, member_state_of, person_state_of, set},
    entity::{binding, subject_group},
    fail,
    tx::{Connected, Holds, Tx},
};

pub(super) fn read(row: binding::Model) -> Result<Binding, StoreError> {
    let at = At::new("binding", &row.id);
    Ok(Binding {
        id: BindingId::from_uuid(row.id),
        account: AccountId::from_uuid(row.account_id),
        subject: at.parse("subject", &row.subject)?,
        scope: at.scope(row.scope_level, row.scope_id)?,
        parameters: match &row.parameters {
            None => Map::new(),
            Some(text) => at.json("parameters", text)?,
        },
        expires_at: row.expires_at.map(Timestamp),
        created_at: Timestamp(row.created_at),
        creator: row
            .creator
            .as_deref()
            .map(|text| at.parse("creator", text))
            .transpose()?,
        role: row.role.clone(),
    })
}

fn read_holder(account: AccountId, row: &QueryResult) -> Result<Option<Holder>, StoreError> {
    let get = |error: sea_orm::DbErr| fail(error);
    let subject: String = row.try_get("", "subject").map_err(get)?;
    let at = At::new("binding", &subject);
    let subject: Subject = at.parse("subject", &subject)?;
    let Some(user) = subject.user_id() else {
        return Ok(None);
    };
    let kind: Option<i16> = row.try_get("", "kind").map_err(get)?;
    let member = match kind {
        None => None,
        Some(kind) => {
            let state: i16 = row.try_get("", "member_state").map_err(get)?;
            let ends: Option<i64> = row.try_get("", "member_ends").map_err(get)?;
            Some(Member {
                account,
                user,
                kind: at.known("kind", kind_of(kind))?,
                state: at.known("state", member_state_of(state))?,
                expires_at: ends.map(Timestamp),
                created_at: Timestamp(row.try_get("", "member_since").map_err(get)?),
            })
        }
    };
    let state: Option<i16> = row.try_get("", "user_state").map_err(get)?;
    let ends: Option<i64> = row.try_get("", "expires_at").map_err(get)?;
    Ok(Some(Holder {
        user,
        expires_at: ends.map(Timestamp),
        member,
        state: match state {
            None => Default::default(),
            Some(state) => at.known("state", person_state_of(state))?,
        },
    }))
}

#[async_trait]
impl<T: Connected> Reader for Tx<T> {
    async fn binding(
        &self,
        account: AccountId,
        subject: &Subject,
        role: &str,
        scope: &Scope,
    ) -> Result<Option<Binding>, StoreError> {
        let row = binding::Entity::find()
            .filter(binding::Column::AccountId.eq(account.uuid()))
            .filter(binding::Column::Subject.eq(subject.as_str()))
            .filter(binding::Column::Role.eq(role))
            .filter(binding::Column::ScopeId.eq(scope.uuid().unwrap_or_default()));
        row.one(self.conn()).await.map_err(fail)?.map(read).transpose()
    }
    async fn bindings_of(&self, account: AccountId, subject: &Subject) -> Result<Vec<Binding>, StoreError> {
        let rows = binding::Entity::find()
            .filter(binding::Column::AccountId.eq(account.uuid()))
            .filter(binding::Column::Subject.eq(subject.as_str()))
            .order_by_asc(binding::Column::Id);
        rows.all(self.conn())
            .await
            .map_err(fail)?
            .into_iter()
            .map(read)
            .collect()
    }
    async fn bindings(
        &self,
        account: AccountId,
        filter: &Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError> {
        let mut rows = binding::Entity::find()
            .filter(binding::Column::AccountId.eq(account.uuid()))
            .order_by_asc(binding::Column::Id)
            .limit(limit);
        if let Some(subject) = &filter.subject {
            rows = rows.filter(binding::Column::Subject.eq(subject.as_str()));
        }
        if let Some(scope) = &filter.scope {
            rows = rows.filter(binding::Column::ScopeId.eq(scope.uuid().unwrap_or_default()));
        }
        if let Some(after) = after {
            rows = rows.filter(binding::Column::Id.gt(after));
        }
        rows.all(self.conn())
            .await
            .map_err(fail)?
            .into_iter()
            .map(read)
            .collect()
    }
    async fn group_exists(&self, account: AccountId, group: &Subject) -> Result<bool, StoreError> {
        let Ok(id) = group.id().parse::<GroupId>() else {
            return Ok(false);
        };
        let row = subject_group::Entity::find_by_id((account.uuid(), id.uuid()));
        Ok(row.one(self.conn()).await.map_err(fail)?.is_some())
    }
    async fn holders(
        &self,
        account: AccountId,
        role: &str,
        scope: &Scope,
    ) -> Result<Vec<Holder>, StoreError> {
        // Users are few here and subjects are text: their rows are looked up by the ids in the texts.
        let bound = binding::Entity::find()
            .filter(binding::Column::AccountId.eq(account.uuid()))
            .filter(binding::Column::Role.eq(role))
            .filter(binding::Column::ScopeId.eq(scope.uuid().unwrap_or_default()))
            .order_by_asc(binding::Column::Id);
        let mut holders = Vec::new();
        for row in bound.all(self.conn()).await.map_err(fail)? {
            let user = row
                .subject
                .parse::<Subject>()
                .ok()
                .and_then(|subject| subject.user_id());
            let Some(user) = user else { continue };
            let sql = "SELECT b.subject, b.expires_at, m.kind, m.state AS member_state, m.expires_at AS member_ends, \
                       m.created_at AS member_since, u.state AS user_state FROM binding b \
                       LEFT JOIN member m ON m.account_id = b.account_id AND m.user_id = $3 \
                       LEFT JOIN user_state u ON u.user_id = $3 WHERE b.account_id = $1 AND b.id = $2";
            let values = vec![account.uuid().into(), row.id.into(), UserId::uuid(user).into()];
            for row in self.rows(sql, values).await? {
                holders.extend(read_holder(account, &row)?);
            }
        }
        Ok(holders)
    }
}

#[async_trait]
impl<T: Holds> Writer for Tx<T> {
    async fn put_binding(&mut self, of: &Binding) -> Result<(), StoreError> {
        use binding::Column as C;
        if let Some(user) = of.subject.user_id() {
            self.hold_user(user).await?;
        }
        let row = binding::ActiveModel {
            account_id: set(of.account.uuid()),
            id: set(of.id.uuid()),
            subject: set(of.subject.to_string()),
            role: set(of.role.clone()),
            scope_level: set(level_number(of.scope.level())),
            scope_id: set(of.scope.uuid().unwrap_or_default()),
            parameters: set((!of.parameters.is_empty()).then(|| json(&of.parameters))),
            expires_at: set(of.expires_at.map(|at| at.0)),
            created_at: set(of.created_at.0),
            creator: set(of.creator.as_ref().map(ToString::to_string)),
        };
        let changes = OnConflict::columns([C::AccountId, C::Id])
            .update_columns([C::Parameters, C::ExpiresAt])
            .to_owned();
        let insert = binding::Entity::insert(row).on_conflict(changes);
        insert.exec_without_returning(self.conn()).await.map_err(fail)?;
        Ok(())
    }
    async fn remove_binding(&mut self, account: AccountId, id: BindingId) -> Result<(), StoreError> {
        let row = binding::Entity::delete_by_id((account.uuid(), id.uuid()));
        row.exec(self.conn()).await.map_err(fail)?;
        Ok(())
    }
}
