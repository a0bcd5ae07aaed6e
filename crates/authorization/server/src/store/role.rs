//! Roles of accounts.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    binding::Binding,
    role::{Reader, Writer},
};
use bailiwick_policy::{CustomRole, LevelOverlay};
use bailiwick_types::Level;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{
    convert::{column, generation, json, set},
    entity::{account_role, binding, role_overlay},
    tx::{ReadConn, Tx, WriteConn},
    written,
};

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn bindings_of_roles(
        &self,
        roles: &[String],
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError> {
        let mut rows = self
            .own::<binding::Entity>()?
            .filter(binding::Column::Role.is_in(roles.iter().map(String::as_str)))
            .order_by_asc(binding::Column::Id)
            .limit(limit);
        if let Some(after) = after {
            rows = rows.filter(binding::Column::Id.gt(after));
        }
        self.list(rows).await
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_role(&mut self, role: &CustomRole) -> Result<(), StoreError> {
        let account = self.account_id()?;
        use account_role::Column as C;
        let row = account_role::ActiveModel {
            account_id: set(account.uuid()),
            name: set(role.name.clone()),
            number: set(i32::try_from(role.no.0).unwrap_or(i32::MAX)),
            title: set(role.decl.title.clone().unwrap_or_default()),
            definition: set(json(&role.decl)),
            generation: set(generation(role.generation)),
        };
        self.upsert(row, [C::Title, C::Definition, C::Generation]).await?;
        self.wrote(written::role(&role.name, false))
    }
    async fn remove_role(&mut self, name: &str) -> Result<(), StoreError> {
        let key = (self.account_id()?.uuid(), name.to_owned());
        self.delete::<account_role::Entity>(key).await?;
        self.wrote(written::role(name, true))
    }
    async fn put_overlay(
        &mut self,
        role: &str,
        level: Level,
        overlay: &LevelOverlay,
    ) -> Result<(), StoreError> {
        let account = self.account_id()?;
        use role_overlay::Column as C;
        let row = role_overlay::ActiveModel {
            account_id: set(account.uuid()),
            role: set(role.to_owned()),
            level: set(column(level.code())),
            added: set(json(&overlay.add)),
            removed: set(json(&overlay.remove)),
            generation: set(generation(overlay.generation)),
        };
        self.upsert(row, [C::Added, C::Removed, C::Generation]).await?;
        self.wrote(written::role(role, false))
    }
}
