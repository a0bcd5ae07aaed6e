//! Role bindings.

use std::collections::HashMap;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    binding::{Binding, Filter, Holder, Reader, Writer},
    member::Member,
};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, BindingId, GroupId, Scope, Subject, Timestamp, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{
    convert::{At, column, json, set},
    entity::{self, binding, subject_group},
    rows::FromRow,
    store_error,
    tx::{ReadConn, Tx, WriteConn},
    written,
};

/// Users that one statement names.
const USERS: usize = 300;

impl FromRow for Binding {
    type Entity = binding::Entity;
    fn from_row(row: binding::Model) -> Result<Self, Error> {
        let at = At::new("binding", &row.id);
        Ok(Self {
            id: BindingId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            subject: at.parse("subject", &row.subject)?,
            scope: at.scope(row.scope_level, row.scope_id)?,
            parameters: at.parameters(row.parameters.as_deref())?,
            expires_at: row.expires_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
            creator: at.optional("creator", row.creator.as_deref())?,
            role: row.role.clone(),
            key: row.key.clone(),
        })
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn bindings_on(
        &self,
        subject: &Subject,
        role: &str,
        scope: &Scope,
    ) -> Result<Vec<Binding>, StoreError> {
        let rows = self
            .own::<binding::Entity>()?
            .filter(binding::Column::Subject.eq(subject.as_str()))
            .filter(binding::Column::Role.eq(role))
            .filter(binding::Column::ScopeId.eq(scope.uuid().unwrap_or_default()))
            .order_by_asc(binding::Column::Id);
        self.list(rows).await
    }
    async fn bindings_of(&self, subject: &Subject) -> Result<Vec<Binding>, StoreError> {
        let rows = self
            .own::<binding::Entity>()?
            .filter(binding::Column::Subject.eq(subject.as_str()))
            .order_by_asc(binding::Column::Id);
        self.list(rows).await
    }
    async fn bindings(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError> {
        use binding::Column as C;
        let rows = self
            .own::<binding::Entity>()?
            .apply_if(filter.subject.as_ref(), |rows, of| {
                rows.filter(C::Subject.eq(of.as_str()))
            })
            .apply_if(filter.scope.as_ref(), |rows, scope| {
                rows.filter(C::ScopeId.eq(scope.uuid().unwrap_or_default()))
            })
            .apply_if(after, |rows, after| rows.filter(C::Id.gt(after)))
            .order_by_asc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
    async fn group_exists(&self, group: &Subject) -> Result<bool, StoreError> {
        let account = self.account_id()?;
        let Ok(id) = group.id().parse::<GroupId>() else {
            return Ok(false);
        };
        let row = self.row::<subject_group::Entity>((account.uuid(), id.uuid()));
        Ok(row.await?.is_some())
    }
    async fn holders(&self, role: &str, scope: &Scope) -> Result<Vec<Holder>, StoreError> {
        let account = self.account_id()?;
        let bound = self
            .own::<binding::Entity>()?
            .filter(binding::Column::Role.eq(role))
            .filter(binding::Column::ScopeId.eq(scope.uuid().unwrap_or_default()))
            .order_by_asc(binding::Column::Id);
        let bound = bound.all(self.conn()).await.map_err(store_error)?;
        // Subjects are stored as text, which nothing joins: the rows of users are read by the ids in the
        // texts.
        let user_of = |row: &binding::Model| row.subject.parse::<Subject>().ok()?.user_id();
        let users: Vec<Uuid> = bound.iter().filter_map(user_of).map(UserId::uuid).collect();
        let mut members = HashMap::new();
        for some in users.chunks(USERS) {
            let rows = entity::member::Entity::find()
                .filter(entity::member::Column::AccountId.eq(account.uuid()))
                .filter(entity::member::Column::UserId.is_in(some.iter().copied()));
            for row in rows.all(self.conn()).await.map_err(store_error)? {
                members.insert(row.user_id, Member::from_row(row)?);
            }
        }
        let states = self.states(users).await?;
        let holders = bound.iter().filter_map(|row| {
            let user = user_of(row)?;
            Some(Holder {
                user,
                expires_at: row.expires_at.map(Timestamp),
                member: members.get(&user.uuid()).copied(),
                state: states.get(&user.uuid()).copied().unwrap_or_default(),
            })
        });
        Ok(holders.collect())
    }
}

/// What changes where a binding is there already.
const CHANGES: [binding::Column; 3] = {
    use binding::Column as C;
    [C::Key, C::Parameters, C::ExpiresAt]
};

fn row(of: &Binding) -> binding::ActiveModel {
    binding::ActiveModel {
        account_id: set(of.account.uuid()),
        id: set(of.id.uuid()),
        subject: set(of.subject.to_string()),
        role: set(of.role.clone()),
        scope_level: set(column(of.scope.level().code())),
        scope_id: set(of.scope.uuid().unwrap_or_default()),
        key: set(of.key.clone()),
        parameters: set((!of.parameters.is_empty()).then(|| json(&of.parameters))),
        expires_at: set(of.expires_at.map(|at| at.0)),
        created_at: set(of.created_at.0),
        creator: set(of.creator.as_ref().map(ToString::to_string)),
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_binding(&mut self, of: &Binding) -> Result<(), StoreError> {
        if let Some(user) = of.subject.user_id() {
            self.hold_user(user).await?;
        }
        self.upsert(row(of), CHANGES).await?;
        self.wrote(written::binding(of, false))
    }
    async fn put_bindings(&mut self, bindings: &[Binding]) -> Result<(), StoreError> {
        self.hold_users(bindings.iter().map(|binding| &binding.subject))
            .await?;
        self.upsert_all(bindings.iter().map(row).collect(), &CHANGES)
            .await?;
        bindings
            .iter()
            .try_for_each(|of| self.wrote(written::binding(of, false)))
    }
    async fn remove_binding(&mut self, binding: &Binding) -> Result<(), StoreError> {
        let key = (self.account_id()?.uuid(), binding.id.uuid());
        self.delete::<binding::Entity>(key).await?;
        self.wrote(written::binding(binding, true))
    }
}
