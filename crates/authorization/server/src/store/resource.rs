//! Resources.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    resource::{Name, Reader, Resource, Writer},
};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, Scope, Subject, Timestamp};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::ExprTrait,
};

use super::{
    convert::{At, column, json, set, stored},
    entity::{quota, resource},
    rows::{FromRow, pair},
    store_error,
    tx::{ReadConn, Tx, WriteConn},
    written,
};

impl FromRow for Resource {
    type Entity = resource::Entity;
    fn from_row(row: resource::Model) -> Result<Self, Error> {
        let at = At::new("resource", &row.id);
        Ok(Self {
            account: AccountId::from_uuid(row.account_id),
            scope: at.scope(row.scope_level, row.scope_id)?,
            owner: at.optional("owner", row.owner.as_deref())?,
            parent: row.parent_type.zip(row.parent_id).map(|(of, id)| Name { of, id }),
            attributes: at.json("attributes", &row.attributes)?,
            revision: at.number("revision", row.revision)?,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
            title: row.title,
            name: Name {
                of: row.kind,
                id: row.id.clone(),
            },
        })
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn resource(&self, name: &Name) -> Result<Option<Resource>, StoreError> {
        let account = self.account_id()?;
        let key = (account.uuid(), name.of.clone(), name.id.clone());
        self.find(resource::Entity::find_by_id(key)).await
    }
    async fn resources(
        &self,
        of: &str,
        scope: Option<&Scope>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Resource>, StoreError> {
        use resource::Column as C;
        let rows = self
            .own::<resource::Entity>()?
            .filter(C::Kind.eq(of))
            .apply_if(scope, |rows, scope| {
                rows.filter(C::ScopeId.eq(scope.uuid().unwrap_or_default()))
            })
            .apply_if(after, |rows, after| rows.filter(C::Id.gt(after)))
            .order_by_asc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
    async fn children(
        &self,
        name: &Name,
        scope: Option<&Scope>,
        limit: u64,
    ) -> Result<Vec<Resource>, StoreError> {
        let mut below = self
            .own::<resource::Entity>()?
            .filter(resource::Column::ParentType.eq(name.of.as_str()))
            .filter(resource::Column::ParentId.eq(name.id.as_str()))
            .order_by_asc(resource::Column::Kind)
            .order_by_asc(resource::Column::Id)
            .limit(limit);
        if let Some(scope) = scope {
            below = below.filter(resource::Column::ScopeId.eq(scope.uuid().unwrap_or_default()));
        }
        self.list(below).await
    }
    async fn resources_named(&self, of: &str, ids: &[&str]) -> Result<Vec<Resource>, StoreError> {
        use resource::Column as C;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self
            .own::<resource::Entity>()?
            .filter(C::Kind.eq(of))
            .filter(C::Id.is_in(ids.iter().copied()))
            .order_by_asc(C::Id);
        self.list(rows).await
    }
    async fn levels_below(&self, name: &Name, most: usize) -> Result<usize, StoreError> {
        let account = self.account_id()?;
        let sql = format!(
            "WITH RECURSIVE below (type, id, depth) AS (SELECT CAST($2 AS text), CAST($3 AS text), 0 UNION SELECT r.type, r.id, b.depth + 1 \
             FROM below b JOIN resource r ON r.account_id = $1 AND r.parent_type = b.type AND r.parent_id = b.id \
             WHERE b.depth < {most}) SELECT CAST(MAX(depth) AS bigint) AS levels FROM below"
        );
        let values = vec![
            account.uuid().into(),
            name.of.clone().into(),
            name.id.clone().into(),
        ];
        let rows = self.rows(&sql, values).await?;
        let levels = rows.first().map(|row| row.try_get::<i64>("", "levels"));
        let levels = levels.transpose().map_err(store_error)?.unwrap_or_default();
        Ok(At::new("resource", name).number::<u32>("levels", levels)? as usize)
    }
    async fn has_children(&self, name: &Name) -> Result<bool, StoreError> {
        Ok(!self.children(name, None, 1).await?.is_empty())
    }
    async fn owned(&self, owner: &Subject, of: &str) -> Result<u64, StoreError> {
        let own = self
            .own::<resource::Entity>()?
            .filter(resource::Column::Owner.eq(owner.as_str()))
            .filter(resource::Column::Kind.eq(of));
        self.count(own).await
    }
    async fn quota(&self, subject: &Subject, of: &str) -> Result<Option<u64>, StoreError> {
        let key = (self.account_id()?.uuid(), subject.to_string(), of.to_owned());
        let row = self.row::<quota::Entity>(key).await?;
        let limit = row.map(|row| row.maximum);
        Ok(At::new("quota", subject).optional_number("maximum", limit)?)
    }
    async fn quotas(
        &self,
        subject: Option<&Subject>,
        after: Option<&(String, String)>,
        limit: u64,
    ) -> Result<Vec<(Subject, String, u64)>, StoreError> {
        use quota::Column as C;
        let key = pair(C::Subject.into_expr(), C::Kind.into_expr());
        let rows = self
            .own::<quota::Entity>()?
            .apply_if(subject, |rows, subject| {
                rows.filter(C::Subject.eq(subject.as_str()))
            })
            .apply_if(after, |rows, (subject, of)| {
                rows.filter(key.gt(pair(subject.as_str(), of.as_str())))
            })
            .order_by_asc(C::Subject)
            .order_by_asc(C::Kind)
            .limit(limit);
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        let read = |row: quota::Model| {
            let at = At::new("quota", &row.subject);
            Ok((
                at.parse("subject", &row.subject)?,
                row.kind,
                at.number("maximum", row.maximum)?,
            ))
        };
        rows.into_iter().map(read).collect()
    }
}

/// What changes where a resource is there already.
const CHANGES: [resource::Column; 9] = {
    use resource::Column as C;
    [
        C::ScopeLevel,
        C::ScopeId,
        C::Owner,
        C::ParentType,
        C::ParentId,
        C::Title,
        C::Attributes,
        C::Revision,
        C::UpdatedAt,
    ]
};

fn row(of: &Resource) -> resource::ActiveModel {
    resource::ActiveModel {
        account_id: set(of.account.uuid()),
        kind: set(of.name.of.clone()),
        id: set(of.name.id.clone()),
        scope_level: set(column(of.scope.level().code())),
        scope_id: set(of.scope.uuid().unwrap_or_default()),
        owner: set(of.owner.as_ref().map(ToString::to_string)),
        parent_type: set(of.parent.as_ref().map(|parent| parent.of.clone())),
        parent_id: set(of.parent.as_ref().map(|parent| parent.id.clone())),
        title: set(of.title.clone()),
        attributes: set(json(&of.attributes)),
        revision: set(stored(of.revision)),
        created_at: set(of.created_at.0),
        updated_at: set(of.updated_at.0),
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_quota(&mut self, subject: &Subject, of: &str, limit: Option<u64>) -> Result<(), StoreError> {
        let account = self.account_id()?;
        use quota::Column as C;
        let Some(limit) = limit else {
            let key = (account.uuid(), subject.to_string(), of.to_owned());
            return self.delete::<quota::Entity>(key).await;
        };
        let row = quota::ActiveModel {
            account_id: set(account.uuid()),
            subject: set(subject.to_string()),
            kind: set(of.to_owned()),
            maximum: set(stored(limit)),
        };
        self.upsert(row, [C::Maximum]).await
    }
    async fn put_resource(&mut self, of: &Resource) -> Result<(), StoreError> {
        self.upsert(row(of), CHANGES).await
    }
    async fn put_resources(&mut self, resources: &[Resource]) -> Result<(), StoreError> {
        self.upsert_all(resources.iter().map(row).collect(), &CHANGES)
            .await
    }
    async fn remove_resource(&mut self, name: &Name) -> Result<Vec<Subject>, StoreError> {
        let account = self.account_id()?;
        let values = || {
            vec![
                account.uuid().into(),
                name.of.clone().into(),
                name.id.clone().into(),
            ]
        };
        let target = || vec![account.uuid().into(), name.to_string().into()];
        let of_grants = "SELECT DISTINCT subject FROM entitlement \
                         WHERE account_id = $1 AND resource_type = $2 AND resource_id = $3";
        let of_approvals = "SELECT DISTINCT subject FROM approval WHERE account_id = $1 AND target = $2";
        let mut subjects = BTreeSet::new();
        for (table, sql, values) in [
            ("entitlement", of_grants, values()),
            ("approval", of_approvals, target()),
        ] {
            for row in self.rows(sql, values).await? {
                let text: String = row.try_get("", "subject").map_err(store_error)?;
                subjects.insert(At::new(table, name).parse("subject", &text)?);
            }
        }
        let sql = "DELETE FROM approval WHERE account_id = $1 AND target = $2";
        self.run(sql, target()).await?;
        let sql = "DELETE FROM entitlement WHERE account_id = $1 AND resource_type = $2 AND resource_id = $3";
        self.run(sql, values()).await?;
        self.run(
            "DELETE FROM resource WHERE account_id = $1 AND type = $2 AND id = $3",
            values(),
        )
        .await?;
        for subject in &subjects {
            self.wrote(written::rows_of(Some(subject)))?;
        }
        Ok(subjects.into_iter().collect())
    }
}
