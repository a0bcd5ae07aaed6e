//! Accounts and places.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    account::{Account, EarlyClosure, Place, Reader, Writer},
};
use bailiwick_policy::{
    AccountPolicy, CustomRole, LevelOverlay, Overlay, PlaceState, RoleNo, compile, manifest::RoleDecl,
};
use bailiwick_types::{AccountId, Level, ProductName, Scope, ScopeRoot, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    convert::{At, column, json, set, stored},
    entity::{account, account_role, early_closure, place, product, role_overlay},
    rows::FromRow,
    store_error,
    tx::{ReadConn, Tx, WriteConn},
};

/// Ids that one statement looks up.
const IDS: usize = 300;

impl FromRow for Account {
    type Entity = account::Entity;
    fn from_row(row: account::Model) -> Result<Self, StoreError> {
        let at = At::new("account", &row.id);
        Ok(Self {
            product: at.parse("product", &row.product)?,
            state: at.known("state", PlaceState::from_code(row.state))?,
            version: at.number("version", row.version)?,
            closed_version: row
                .closed_version
                .map(|version| at.number("closed_version", version))
                .transpose()?,
            seats: at.number("seats", row.seats.into())?,
            billing_anchor: Timestamp(row.billing_anchor),
            settings: at.json("settings", &row.settings)?,
            settings_version: at.number("settings_version", row.settings_version)?,
            created_at: Timestamp(row.created_at),
            title: row.title.clone(),
            id: AccountId::from_uuid(row.id),
        })
    }
}

impl FromRow for Place {
    type Entity = place::Entity;
    fn from_row(row: place::Model) -> Result<Self, StoreError> {
        let at = At::new("place", &row.id);
        let above = if row.parent_id == row.account_id {
            Level::Account
        } else {
            Level::Instance
        };
        Ok(Self {
            account: AccountId::from_uuid(row.account_id),
            scope: at.scope(row.level, row.id)?,
            parent: at.scope(column(above.code()), row.parent_id)?,
            state: at.known("state", PlaceState::from_code(row.state))?,
            version: at.number("version", row.version)?,
            closed_version: row
                .closed_version
                .map(|version| at.number("closed_version", version))
                .transpose()?,
            created_at: Timestamp(row.created_at),
            title: row.title.clone(),
            edition: row.edition.clone(),
        })
    }
}

impl<T: ReadConn> Tx<T> {
    async fn product_of(&self, name: &ProductName) -> Result<Arc<bailiwick_policy::Product>, StoreError> {
        let at = At::new("account", name);
        let version: Option<i64> = product::Entity::find_by_id(name.to_string())
            .select_only()
            .column(product::Column::Version)
            .into_tuple()
            .one(self.conn())
            .await
            .map_err(store_error)?;
        let version = at.known("product", version)?;
        if let Some(known) = self.products.get(name, version) {
            return Ok(known);
        }
        let row = product::Entity::find_by_id(name.to_string())
            .one(self.conn())
            .await
            .map_err(store_error)?;
        let row = at.known("product", row)?;
        let at = At::new("product", name);
        let (manifest, numbers) = (
            at.json("canonical", &row.canonical)?,
            at.json("numbers", &row.numbers)?,
        );
        let (compiled, _) = compile(&manifest, numbers).map_err(|error| at.corrupt("canonical", error))?;
        let compiled = Arc::new(compiled);
        self.products
            .put(name.clone(), row.version, Arc::clone(&compiled));
        Ok(compiled)
    }
    async fn custom_roles(&self, account: Uuid) -> Result<Vec<CustomRole>, StoreError> {
        let rows = account_role::Entity::find().filter(account_role::Column::AccountId.eq(account));
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        rows.into_iter()
            .map(|row| {
                let at = At::new("account_role", &row.name);
                Ok(CustomRole {
                    no: RoleNo(at.number("number", row.number.into())?),
                    decl: at.json::<RoleDecl>("definition", &row.definition)?,
                    name: row.name.clone(),
                })
            })
            .collect()
    }
    async fn overlays(
        &self,
        account: Uuid,
        product: &bailiwick_policy::Product,
    ) -> Result<Vec<Overlay>, StoreError> {
        let rows = role_overlay::Entity::find().filter(role_overlay::Column::AccountId.eq(account));
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        let mut all: BTreeMap<RoleNo, Overlay> = BTreeMap::new();
        for row in rows {
            let at = At::new("role_overlay", &row.role);
            let level = at.known("level", Level::from_code(row.level))?;
            let Some(role) = product.role_no(&row.role) else {
                continue;
            };
            let change = LevelOverlay {
                add: at.json("added", &row.added)?,
                remove: at.json("removed", &row.removed)?,
            };
            let overlay = all.entry(role).or_insert_with(|| Overlay {
                role,
                levels: BTreeMap::new(),
            });
            overlay.levels.insert(level, change);
        }
        Ok(all.into_values().collect())
    }
    async fn place_rows(&self, ids: &[Uuid]) -> Result<Vec<Place>, StoreError> {
        let mut found = Vec::new();
        for some in ids.chunks(IDS) {
            let rows = self
                .own::<place::Entity>()?
                .filter(place::Column::Id.is_in(some.iter().copied()));
            found.extend(self.list(rows).await?);
        }
        Ok(found)
    }
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn account(&self) -> Result<Option<Account>, StoreError> {
        let id = self.account_id()?;
        self.find(account::Entity::find_by_id(id.uuid())).await
    }
    async fn revision(&self) -> Result<u64, StoreError> {
        let root = ScopeRoot::Account(self.account_id()?).to_string();
        let sql = "SELECT revision FROM revision WHERE root = $1";
        let rows = self.rows(sql, vec![root.clone().into()]).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        let revision = row.try_get("", "revision").map_err(store_error)?;
        At::new("revision", &root).number("revision", revision)
    }
    async fn accounts_of_product(
        &self,
        product: &ProductName,
        after: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountId>, StoreError> {
        let mut rows = account::Entity::find()
            .select_only()
            .column(account::Column::Id)
            .filter(account::Column::Product.eq(product.as_str()))
            .order_by_asc(account::Column::Id)
            .limit(limit);
        if let Some(after) = after {
            rows = rows.filter(account::Column::Id.gt(after.uuid()));
        }
        let ids: Vec<Uuid> = rows.into_tuple().all(self.conn()).await.map_err(store_error)?;
        Ok(ids.into_iter().map(AccountId::from_uuid).collect())
    }
    async fn places(&self, ids: &[Uuid]) -> Result<Vec<Place>, StoreError> {
        let mut found = self.place_rows(ids).await?;
        let above: Vec<Uuid> = found
            .iter()
            .filter(|place| place.parent.level() == Level::Instance)
            .filter_map(|place| place.parent.uuid())
            .filter(|id| !ids.contains(id))
            .collect();
        let above = self.place_rows(&above).await?;
        found.extend(above);
        Ok(found)
    }
    async fn places_below(&self, scope: &Scope) -> Result<Vec<Place>, StoreError> {
        let mut rows = self.own::<place::Entity>()?;
        if let Scope::Instance(instance) = scope {
            rows = rows.filter(place::Column::ParentId.eq(instance.uuid()));
        } else if matches!(scope, Scope::Workspace(_)) {
            return Ok(Vec::new());
        }
        self.list(rows).await
    }
    async fn policy(&self, account: &Account) -> Result<Arc<AccountPolicy>, StoreError> {
        let product = self.product_of(&account.product).await?;
        let custom = self.custom_roles(account.id.uuid()).await?;
        let overlays = self.overlays(account.id.uuid(), &product).await?;
        let settings: BTreeMap<String, Json> = account.settings.clone();
        Ok(Arc::new(AccountPolicy::compile(
            product, custom, overlays, settings,
        )))
    }
    async fn early_closure(&self, scope: Uuid) -> Result<Option<EarlyClosure>, StoreError> {
        let account = self.account_id()?;
        let row = early_closure::Entity::find_by_id((account.uuid(), scope))
            .one(self.conn())
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(None) };
        let at = At::new("early_closure", &row.scope_id);
        Ok(Some(EarlyClosure {
            version: at.number("version", row.version)?,
            state: at.known("state", PlaceState::from_code(row.state))?,
        }))
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_account(&mut self, of: &Account) -> Result<(), StoreError> {
        use account::Column as C;
        self.check("account", of.id)?;
        let row = account::ActiveModel {
            id: set(of.id.uuid()),
            product: set(of.product.to_string()),
            title: set(of.title.clone()),
            state: set(column(of.state.code())),
            version: set(stored(of.version)),
            closed_version: set(of.closed_version.map(stored)),
            seats: set(i32::try_from(of.seats).unwrap_or(i32::MAX)),
            billing_anchor: set(of.billing_anchor.0),
            settings: set(json(&of.settings)),
            settings_version: set(stored(of.settings_version)),
            created_at: set(of.created_at.0),
        };
        self.upsert(
            row,
            [
                C::Title,
                C::State,
                C::Version,
                C::ClosedVersion,
                C::Seats,
                C::BillingAnchor,
                C::Settings,
                C::SettingsVersion,
            ],
        )
        .await
    }
    async fn put_place(&mut self, of: &Place) -> Result<(), StoreError> {
        use place::Column as C;
        self.check("place", of.account)?;
        let row = place::ActiveModel {
            account_id: set(of.account.uuid()),
            id: set(of.scope.uuid().unwrap_or_default()),
            level: set(column(of.scope.level().code())),
            parent_id: set(of.parent.uuid().unwrap_or_default()),
            title: set(of.title.clone()),
            edition: set(of.edition.clone()),
            state: set(column(of.state.code())),
            version: set(stored(of.version)),
            closed_version: set(of.closed_version.map(stored)),
            created_at: set(of.created_at.0),
        };
        self.upsert(
            row,
            [
                C::ParentId,
                C::Title,
                C::Edition,
                C::State,
                C::Version,
                C::ClosedVersion,
            ],
        )
        .await
    }
    async fn put_early_closure(
        &mut self,
        scope: Uuid,
        closure: Option<EarlyClosure>,
    ) -> Result<(), StoreError> {
        let account = self.account_id()?;
        use early_closure::Column as C;
        let Some(closure) = closure else {
            self.delete::<early_closure::Entity>((account.uuid(), scope))
                .await?;
            return Ok(());
        };
        let row = early_closure::ActiveModel {
            account_id: set(account.uuid()),
            scope_id: set(scope),
            version: set(stored(closure.version)),
            state: set(column(closure.state.code())),
        };
        self.upsert(row, [C::Version, C::State]).await
    }
}
