//! Accounts and places.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    account::{Account, EarlyClosure, Place, Reader, Writer},
};
use bailiwick_policy::{AccountPolicy, PlaceState};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, Level, ProductName, Scope, ScopeRoot, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{
    convert::{At, column, json, set, stored, stored_closed},
    entity::{account, early_closure, place},
    policy,
    rows::FromRow,
    store_error,
    tx::{ReadConn, Tx, WriteConn},
    written,
};

/// Ids that one statement looks up.
const IDS: usize = 300;

impl FromRow for Account {
    type Entity = account::Entity;
    fn from_row(row: account::Model) -> Result<Self, Error> {
        let at = At::new("account", &row.id);
        Ok(Self {
            product: at.parse("product", &row.product)?,
            state: at.known("state", PlaceState::from_code(row.state))?,
            version: at.version("version", &row.epoch, row.version)?,
            closed_version: at.closed(row.closed_epoch.as_deref(), row.closed_version)?,
            seats: at.number("seats", row.seats.into())?,
            billing_anchor: Timestamp(row.billing_anchor),
            settings: at.json("settings", &row.settings)?,
            settings_version: at.version("settings_version", &row.settings_epoch, row.settings_version)?,
            created_at: Timestamp(row.created_at),
            title: row.title.clone(),
            id: AccountId::from_uuid(row.id),
        })
    }
}

impl FromRow for Place {
    type Entity = place::Entity;
    fn from_row(row: place::Model) -> Result<Self, Error> {
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
            version: at.version("version", &row.epoch, row.version)?,
            closed_version: at.closed(row.closed_epoch.as_deref(), row.closed_version)?,
            created_at: Timestamp(row.created_at),
            title: row.title.clone(),
            edition: row.edition.clone(),
        })
    }
}

impl<T: ReadConn> Tx<T> {
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
        Ok(At::new("revision", &root).number("revision", revision)?)
    }
    async fn accounts_of_product(
        &self,
        product: &ProductName,
        after: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountId>, StoreError> {
        use account::Column as C;
        let rows = account::Entity::find()
            .select_only()
            .column(C::Id)
            .filter(C::Product.eq(product.as_str()))
            .apply_if(after, |rows, after| rows.filter(C::Id.gt(after.uuid())))
            .order_by_asc(C::Id)
            .limit(limit);
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
        let product = self.products.read(self.conn(), &account.product).await?;
        let product = At::new("account", &account.id).known("product", product)?;
        Ok(policy::read(self.conn(), Arc::clone(&product.product), account).await?)
    }
    async fn early_closure(&self, scope: Uuid) -> Result<Option<EarlyClosure>, StoreError> {
        let key = (self.account_id()?.uuid(), scope);
        let Some(row) = self.row::<early_closure::Entity>(key).await? else {
            return Ok(None);
        };
        let at = At::new("early_closure", &row.scope_id);
        Ok(Some(EarlyClosure {
            version: at.version("version", &row.epoch, row.version)?,
            state: at.known("state", PlaceState::from_code(row.state))?,
        }))
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_account(&mut self, of: &Account) -> Result<(), StoreError> {
        use account::Column as C;
        let before = self.account().await?.map(|before| before.settings);
        let (closed_epoch, closed_version) = stored_closed(of.closed_version.as_ref());
        let row = account::ActiveModel {
            id: set(of.id.uuid()),
            product: set(of.product.to_string()),
            title: set(of.title.clone()),
            state: set(column(of.state.code())),
            epoch: set(of.version.epoch().to_owned()),
            version: set(stored(of.version.number())),
            closed_epoch: set(closed_epoch),
            closed_version: set(closed_version),
            seats: set(i32::try_from(of.seats).unwrap_or(i32::MAX)),
            billing_anchor: set(of.billing_anchor.0),
            settings: set(json(&of.settings)),
            settings_epoch: set(of.settings_version.epoch().to_owned()),
            settings_version: set(stored(of.settings_version.number())),
            created_at: set(of.created_at.0),
        };
        self.upsert(
            row,
            [
                C::Title,
                C::State,
                C::Epoch,
                C::Version,
                C::ClosedEpoch,
                C::ClosedVersion,
                C::Seats,
                C::BillingAnchor,
                C::Settings,
                C::SettingsEpoch,
                C::SettingsVersion,
            ],
        )
        .await?;
        match written::settings(&before.unwrap_or_default(), &of.settings) {
            Some(row) => self.wrote(row),
            None => Ok(()),
        }
    }
    async fn put_place(&mut self, of: &Place) -> Result<(), StoreError> {
        use place::Column as C;
        let (closed_epoch, closed_version) = stored_closed(of.closed_version.as_ref());
        let row = place::ActiveModel {
            account_id: set(of.account.uuid()),
            id: set(of.scope.uuid().unwrap_or_default()),
            level: set(column(of.scope.level().code())),
            parent_id: set(of.parent.uuid().unwrap_or_default()),
            title: set(of.title.clone()),
            edition: set(of.edition.clone()),
            state: set(column(of.state.code())),
            epoch: set(of.version.epoch().to_owned()),
            version: set(stored(of.version.number())),
            closed_epoch: set(closed_epoch),
            closed_version: set(closed_version),
            created_at: set(of.created_at.0),
        };
        self.upsert(
            row,
            [
                C::ParentId,
                C::Title,
                C::Edition,
                C::State,
                C::Epoch,
                C::Version,
                C::ClosedEpoch,
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
            return self
                .delete::<early_closure::Entity>((account.uuid(), scope))
                .await;
        };
        let row = early_closure::ActiveModel {
            account_id: set(account.uuid()),
            scope_id: set(scope),
            epoch: set(closure.version.epoch().to_owned()),
            version: set(stored(closure.version.number())),
            state: set(column(closure.state.code())),
        };
        self.upsert(row, [C::Epoch, C::Version, C::State]).await
    }
}
