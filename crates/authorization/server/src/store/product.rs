//! Products.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    binding::Binding,
    product::{Named, Product, Reader, Usage, Writer},
};
use bailiwick_policy::manifest::{EntryDecl, RoleDecl};
use bailiwick_sql::Error;
use bailiwick_types::{Level, ProductName, ScopeRoot, Timestamp};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{
    convert::{At, json, set, stored},
    entity::{account, account_role, binding, product, product_version},
    rows::FromRow,
    store_error,
    tx::{ReadConn, Tx, WriteConn},
};

fn read(row: product::Model) -> Result<Product, Error> {
    let at = At::new("product", &row.name);
    Ok(Product {
        name: at.parse("name", &row.name)?,
        version: at.number("version", row.version)?,
        manifest: at.json("canonical", &row.canonical)?,
        numbers: at.json("numbers", &row.numbers)?,
        updated_at: Timestamp(row.updated_at),
        source: row.manifest.clone(),
    })
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn product(&self, name: &ProductName) -> Result<Option<Product>, StoreError> {
        let row = self.row::<product::Entity>(name.to_string()).await?;
        Ok(row.map(read).transpose()?)
    }
    async fn products(&self, after: Option<&str>, limit: u64) -> Result<Vec<Product>, StoreError> {
        use product::Column as C;
        let rows = product::Entity::find()
            .apply_if(after, |rows, after| rows.filter(C::Name.gt(after)))
            .order_by_asc(C::Name)
            .limit(limit);
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(read).collect::<Result<_, _>>()?)
    }
    async fn bound(
        &self,
        name: &ProductName,
        roles: &[String],
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError> {
        let of_product = Query::select()
            .column(account::Column::Id)
            .from(account::Entity)
            .and_where(account::Column::Product.eq(name.as_str()))
            .to_owned();
        // An account's own role of the same name is another role.
        let own = Query::select()
            .column(account_role::Column::AccountId)
            .from(account_role::Entity)
            .and_where(
                Expr::col((account_role::Entity, account_role::Column::AccountId))
                    .equals((binding::Entity, binding::Column::AccountId)),
            )
            .and_where(
                Expr::col((account_role::Entity, account_role::Column::Name))
                    .equals((binding::Entity, binding::Column::Role)),
            )
            .to_owned();
        let rows = binding::Entity::find()
            .filter(binding::Column::Role.is_in(roles.iter().map(String::as_str)))
            .filter(binding::Column::AccountId.in_subquery(of_product))
            .filter(Expr::exists(own).not())
            .order_by_asc(binding::Column::AccountId)
            .order_by_asc(binding::Column::Id)
            .limit(limit);
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        Ok(rows
            .into_iter()
            .map(Binding::from_row)
            .collect::<Result<_, _>>()?)
    }
    async fn named(&self, name: &ProductName, now: Timestamp) -> Result<Named, StoreError> {
        let mut named = Named::default();
        let of = || vec![name.to_string().into()];
        let at = |table| At::new(table, name);
        let text = |row: &QueryResult, column: &str| row.try_get::<String>("", column).map_err(store_error);
        let sql = "SELECT e.permissions, COUNT(*) AS count FROM entitlement e \
                   JOIN account a ON a.id = e.account_id WHERE a.product = $1 GROUP BY e.permissions";
        for row in self.rows(sql, of()).await? {
            let permissions: Vec<String> =
                at("entitlement").json("permissions", &text(&row, "permissions")?)?;
            let count = row.try_get::<i64>("", "count").map_err(store_error)?;
            named.add_grants(&permissions, u64::try_from(count).unwrap_or_default());
        }
        let sql = "SELECT r.definition FROM account_role r \
                   JOIN account a ON a.id = r.account_id WHERE a.product = $1";
        for row in self.rows(sql, of()).await? {
            let decl: RoleDecl = at("account_role").json("definition", &text(&row, "definition")?)?;
            named.add_role(&decl);
        }
        let sql = "SELECT o.role, o.added FROM role_overlay o \
                   JOIN account a ON a.id = o.account_id WHERE a.product = $1";
        for row in self.rows(sql, of()).await? {
            let added: Vec<EntryDecl> = at("role_overlay").json("added", &text(&row, "added")?)?;
            named.add_overlay(&text(&row, "role")?, &added);
        }
        let sql = "SELECT i.roles FROM invitation i JOIN account a ON a.id = i.account_id \
                   WHERE a.product = $1 AND i.state = 1 AND i.expires_at > $2";
        for row in self
            .rows(sql, vec![name.to_string().into(), now.0.into()])
            .await?
        {
            let roles: Vec<String> = at("invitation").json("roles", &text(&row, "roles")?)?;
            named.add_invitation(&roles);
        }
        Ok(named)
    }
    async fn usage(&self, name: &ProductName) -> Result<Usage, StoreError> {
        let at = At::new("binding", name);
        let mut usage = Usage::default();
        let of = || vec![name.to_string().into()];
        let sql = "SELECT DISTINCT b.role, b.scope_level FROM binding b JOIN account a ON a.id = b.account_id \
                   LEFT JOIN account_role r ON r.account_id = b.account_id AND r.name = b.role \
                   WHERE a.product = $1 AND r.name IS NULL";
        for row in self.rows(sql, of()).await? {
            let level = at.known(
                "scope_level",
                Level::from_code(row.try_get::<i16>("", "scope_level").map_err(store_error)?),
            )?;
            usage
                .roles
                .insert((row.try_get("", "role").map_err(store_error)?, level));
        }
        let sql = "SELECT DISTINCT r.type FROM resource r JOIN account a ON a.id = r.account_id WHERE a.product = $1";
        for row in self.rows(sql, of()).await? {
            usage.types.insert(row.try_get("", "type").map_err(store_error)?);
        }
        let sql = "SELECT DISTINCT p.level FROM place p JOIN account a ON a.id = p.account_id \
                   WHERE a.product = $1 AND p.state <> 4";
        for row in self.rows(sql, of()).await? {
            usage.levels.insert(at.known(
                "level",
                Level::from_code(row.try_get::<i16>("", "level").map_err(store_error)?),
            )?);
        }
        let sql = "SELECT b.role, CAST(COUNT(*) AS bigint) AS count FROM root_binding b WHERE b.root = $1 \
                   GROUP BY b.role";
        let root = ScopeRoot::Product(name.clone()).to_string();
        for row in self.rows(sql, vec![root.into()]).await? {
            let role: String = row.try_get("", "role").map_err(store_error)?;
            let count = row.try_get::<i64>("", "count").map_err(store_error)?;
            usage
                .services
                .insert(role, u64::try_from(count).unwrap_or_default());
        }
        Ok(usage)
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_product(&mut self, of: &Product) -> Result<(), StoreError> {
        use product::Column as C;
        let row = product::ActiveModel {
            name: set(of.name.to_string()),
            version: set(stored(of.version)),
            manifest: set(of.source.clone()),
            canonical: set(json(&of.manifest)),
            numbers: set(json(&of.numbers)),
            updated_at: set(of.updated_at.0),
        };
        self.upsert_common(
            row,
            [C::Version, C::Manifest, C::Canonical, C::Numbers, C::UpdatedAt],
        )
        .await?;
        let kept = product_version::ActiveModel {
            name: set(of.name.to_string()),
            version: set(stored(of.version)),
            manifest: set(of.source.clone()),
            numbers: set(json(&of.numbers)),
            applied_at: set(of.updated_at.0),
        };
        self.insert(kept).await
    }
}
