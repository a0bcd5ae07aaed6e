//! Grants.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    grant::{About, AppliesTo, Filter, Grant, Reader, Writer},
    resource::Name,
};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, GrantId, Subject, Timestamp};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{
    convert::{At, column, generation, json, set, stored},
    entity::entitlement,
    rows::FromRow,
    tx::{ReadConn, Tx, WriteConn},
    written,
};

/// What a grant is on, as column `kind` has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Resource,
    Scope,
    Type,
}

bailiwick_types::codes!(Kind { Resource = 1, Scope = 2, Type = 3 });

impl FromRow for Grant {
    type Entity = entitlement::Entity;
    fn from_row(row: entitlement::Model) -> Result<Self, Error> {
        let at = At::new("entitlement", &row.id);
        let scope = || -> Result<_, Error> {
            at.scope(
                at.known("scope_level", row.scope_level)?,
                at.known("scope_id", row.scope_id)?,
            )
        };
        let about = match at.known("kind", Kind::from_code(row.kind))? {
            Kind::Resource => About::Resource(Name {
                of: at.known("resource_type", row.resource_type.clone())?,
                id: at.known("resource_id", row.resource_id.clone())?,
            }),
            Kind::Scope => About::Scope(scope()?),
            Kind::Type => About::Type {
                of: at.known("resource_type", row.resource_type.clone())?,
                scope: scope()?,
                applies_to: at.known("applies_to", row.applies_to.and_then(AppliesTo::from_code))?,
            },
        };
        Ok(Self {
            id: GrantId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            subject: at.parse("subject", &row.subject)?,
            permissions: at.json("permissions", &row.permissions)?,
            generation: at.generation(row.generation)?,
            about,
            parameters: at.parameters(row.parameters.as_deref())?,
            expires_at: row.expires_at.map(Timestamp),
            revision: at.number("revision", row.revision)?,
            created_at: Timestamp(row.created_at),
            creator: at.optional("creator", row.creator.as_deref())?,
        })
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.find_id(id.uuid()).await
    }
    async fn count_grants(&self, subject: &Subject) -> Result<u64, StoreError> {
        let own = self
            .own::<entitlement::Entity>()?
            .filter(entitlement::Column::Subject.eq(subject.as_str()));
        self.count(own).await
    }
    async fn grants(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Grant>, StoreError> {
        use entitlement::Column as C;
        let rows = self
            .own::<entitlement::Entity>()?
            .apply_if(filter.subject.as_ref(), |rows, of| {
                rows.filter(C::Subject.eq(of.as_str()))
            })
            .apply_if(filter.scope.as_ref(), |rows, scope| {
                rows.filter(C::ScopeId.eq(scope.uuid().unwrap_or_default()))
            })
            .apply_if(filter.resource.as_ref(), |rows, name| {
                rows.filter(C::ResourceType.eq(name.of.as_str()))
                    .filter(C::ResourceId.eq(name.id.as_str()))
            })
            .apply_if(after, |rows, after| rows.filter(C::Id.gt(after)))
            .order_by_asc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
}

/// What changes where a grant is there already.
const CHANGES: [entitlement::Column; 5] = {
    use entitlement::Column as C;
    [
        C::Permissions,
        C::Generation,
        C::Parameters,
        C::ExpiresAt,
        C::Revision,
    ]
};

fn row(of: &Grant) -> entitlement::ActiveModel {
    let (kind, scope, resource_type, resource_id, applies_to) = match &of.about {
        About::Resource(name) => (
            Kind::Resource,
            None,
            Some(name.of.clone()),
            Some(name.id.clone()),
            None,
        ),
        About::Scope(scope) => (Kind::Scope, Some(scope), None, None, None),
        About::Type {
            of,
            scope,
            applies_to,
        } => (Kind::Type, Some(scope), Some(of.clone()), None, Some(applies_to)),
    };
    entitlement::ActiveModel {
        account_id: set(of.account.uuid()),
        id: set(of.id.uuid()),
        subject: set(of.subject.to_string()),
        kind: set(column(kind.code())),
        scope_level: set(scope.map(|scope| column(scope.level().code()))),
        scope_id: set(scope.and_then(bailiwick_types::Scope::uuid)),
        resource_type: set(resource_type),
        resource_id: set(resource_id),
        applies_to: set(applies_to.map(|applies_to| column(applies_to.code()))),
        revision: set(stored(of.revision)),
        permissions: set(json(&of.permissions)),
        generation: set(generation(of.generation)),
        parameters: set((!of.parameters.is_empty()).then(|| json(&of.parameters))),
        expires_at: set(of.expires_at.map(|at| at.0)),
        created_at: set(of.created_at.0),
        creator: set(of.creator.as_ref().map(ToString::to_string)),
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_grant(&mut self, of: &Grant) -> Result<(), StoreError> {
        if let Some(user) = of.subject.user_id() {
            self.hold_user(user).await?;
        }
        self.upsert(row(of), CHANGES).await?;
        self.wrote(written::grant(of, false))
    }
    async fn put_grants(&mut self, grants: &[Grant]) -> Result<(), StoreError> {
        self.hold_users(grants.iter().map(|grant| &grant.subject)).await?;
        self.upsert_all(grants.iter().map(row).collect(), &CHANGES)
            .await?;
        grants
            .iter()
            .try_for_each(|of| self.wrote(written::grant(of, false)))
    }
    async fn remove_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        let key = (self.account_id()?.uuid(), grant.id.uuid());
        self.delete::<entitlement::Entity>(key).await?;
        self.wrote(written::grant(grant, true))
    }
}
