//! What is in a scope.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    approval::Approval,
    grant::Grant,
    invitation::{Invitation, State},
    relocation::{Reader, Writer},
    resource::{Name, Resource},
};
use bailiwick_types::{Scope, Timestamp};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, SimpleExpr},
};
use uuid::Uuid;

use super::{
    convert::stored,
    entity::{approval, entitlement, invitation, resource},
    store_error,
    tx::{ReadConn, Tx, WriteConn},
    written,
};

/// The id of a scope below the product.
fn id_of(scope: &Scope) -> Uuid {
    scope.uuid().unwrap_or_default()
}

impl<T: ReadConn> Tx<T> {
    /// Rows whose columns are those of a resource that lies in a scope.
    fn of_contents(&self, columns: &str, selected: &str, scope: &Scope) -> Result<SimpleExpr, StoreError> {
        let (account, id) = match self.conn().get_database_backend() {
            DbBackend::Postgres => ("$1", "$2"),
            _ => ("?", "?"),
        };
        let contents = format!(
            "{columns} IN (SELECT {selected} FROM resource WHERE account_id = {account} AND scope_id = {id})"
        );
        let values = [self.account_id()?.uuid(), id_of(scope)];
        Ok(Expr::cust_with_values(contents, values))
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn resources_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Resource>, StoreError> {
        use resource::Column as C;
        let rows = self
            .own::<resource::Entity>()?
            .filter(C::ScopeId.eq(id_of(scope)))
            .order_by_asc(C::Kind)
            .order_by_asc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
    async fn grants_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Grant>, StoreError> {
        use entitlement::Column as C;
        let contents = self.of_contents("(resource_type, resource_id)", "type, id", scope)?;
        let rows = self
            .own::<entitlement::Entity>()?
            .filter(C::ScopeId.is_null())
            .filter(contents)
            .order_by_asc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
    async fn invitations_to(&self, scope: &Scope, limit: u64) -> Result<Vec<Invitation>, StoreError> {
        use invitation::Column as C;
        let rows = self
            .own::<invitation::Entity>()?
            .filter(C::State.eq(i16::from(State::Pending.code())))
            .filter(C::ScopeId.eq(id_of(scope)))
            .order_by_asc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
    async fn approvals_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Approval>, StoreError> {
        use approval::Column as C;
        let contents = self.of_contents("target", "type || ':' || id", scope)?;
        let on = Condition::any()
            .add(C::Target.eq(scope.to_string()))
            .add(contents);
        let rows = self
            .own::<approval::Entity>()?
            .filter(on)
            .order_by_asc(C::Id)
            .limit(limit);
        self.list(rows).await
    }
    async fn linked_across(&self, scope: &Scope, limit: u64) -> Result<Vec<Name>, StoreError> {
        let sql = "SELECT r.type, r.id FROM resource r LEFT JOIN resource p \
             ON p.account_id = r.account_id AND p.type = r.parent_type AND p.id = r.parent_id \
             WHERE r.account_id = $1 AND r.scope_id = $2 AND r.parent_type IS NOT NULL \
             AND (p.scope_id IS NULL OR p.scope_id <> $2) \
             UNION ALL SELECT r.type, r.id FROM resource p JOIN resource r \
             ON r.account_id = p.account_id AND r.parent_type = p.type AND r.parent_id = p.id \
             WHERE p.account_id = $1 AND p.scope_id = $2 AND r.scope_id <> $2 LIMIT $3";
        let limit = stored(limit);
        let values = vec![
            self.account_id()?.uuid().into(),
            id_of(scope).into(),
            limit.into(),
        ];
        let rows = self.rows(sql, values).await?;
        let name = |row: &sea_orm::QueryResult| -> Result<Name, StoreError> {
            Ok(Name {
                of: row.try_get("", "type").map_err(store_error)?,
                id: row.try_get("", "id").map_err(store_error)?,
            })
        };
        rows.iter().map(name).collect()
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn register_anew(
        &mut self,
        scope: &Scope,
        revision: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql =
            "UPDATE resource SET revision = $3, updated_at = $4 WHERE account_id = $1 AND scope_id = $2";
        let account = self.account_id()?.uuid();
        let revision = stored(revision);
        let values = vec![account.into(), id_of(scope).into(), revision.into(), now.0.into()];
        self.run(sql, values).await?;
        Ok(())
    }
    async fn remove_contents(&mut self, scope: &Scope) -> Result<(), StoreError> {
        let account = self.account_id()?.uuid();
        let values = || vec![account.into(), id_of(scope).into()];
        let in_scope = "FROM resource WHERE account_id = $1 AND scope_id = $2";
        let sql = "DELETE FROM approval WHERE account_id = $1 AND target = $2";
        self.run(sql, vec![account.into(), scope.to_string().into()])
            .await?;
        for sql in [
            format!(
                "DELETE FROM approval WHERE account_id = $1 AND target IN (SELECT type || ':' || id {in_scope})"
            ),
            format!(
                "DELETE FROM entitlement WHERE account_id = $1 AND scope_id IS NULL \
                 AND (resource_type, resource_id) IN (SELECT type, id {in_scope})"
            ),
            "DELETE FROM entitlement WHERE account_id = $1 AND scope_id = $2".to_owned(),
            "DELETE FROM binding WHERE account_id = $1 AND scope_id = $2".to_owned(),
            format!("DELETE {in_scope}"),
        ] {
            self.run(&sql, values()).await?;
        }
        self.wrote(written::rows_of(None))
    }
}
