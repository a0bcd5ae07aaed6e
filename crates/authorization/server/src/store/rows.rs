//! Reads and writes the rows of the account that a unit of work has selected. A row of another account is an
//! internal error.

use bailiwick_authorization_core::StoreError;
use bailiwick_sql::{Error, rows};
use bailiwick_types::AccountId;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, Insert, ModelTrait, PaginatorTrait, QueryFilter, Select,
    Value,
};

use super::{
    entity, store_error,
    tx::{ReadConn, Tx, WriteConn},
};

/// A table whose rows belong to accounts.
pub(super) trait OfAccount: EntityTrait {
    /// The column with the id of the account.
    const ACCOUNT: Self::Column;
}

macro_rules! of_account {
    ($($table:ident.$column:ident),* $(,)?) => {
        $(impl OfAccount for entity::$table::Entity {
            const ACCOUNT: entity::$table::Column = entity::$table::Column::$column;
        })*
    };
}

of_account! {
    account.Id, account_role.AccountId, approval.AccountId, binding.AccountId, early_closure.AccountId,
    entitlement.AccountId, group_member.AccountId, invitation.AccountId, member.AccountId, place.AccountId,
    quota.AccountId, resource.AccountId, role_overlay.AccountId, subject_group.AccountId,
}

/// A value that is read from one row.
pub(super) trait FromRow: Sized {
    type Entity: OfAccount;
    fn from_row(row: <Self::Entity as EntityTrait>::Model) -> Result<Self, StoreError>;
}

impl<T: ReadConn> Tx<T> {
    /// The rows of the account.
    pub(super) fn own<E: OfAccount>(&self) -> Result<Select<E>, StoreError> {
        Ok(E::find().filter(E::ACCOUNT.eq(self.account_id()?.uuid())))
    }
    /// Reads rows of the account.
    pub(super) async fn rows_of<E: OfAccount>(&self, rows: Select<E>) -> Result<Vec<E::Model>, StoreError> {
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        for row in &rows {
            self.check_row::<E>(row)?;
        }
        Ok(rows)
    }
    /// Reads one row of the account.
    pub(super) async fn row_of<E: OfAccount>(&self, rows: Select<E>) -> Result<Option<E::Model>, StoreError> {
        let row = rows.one(self.conn()).await.map_err(store_error)?;
        if let Some(row) = &row {
            self.check_row::<E>(row)?;
        }
        Ok(row)
    }
    /// Reads values of the account.
    pub(super) async fn list<R: FromRow>(&self, rows: Select<R::Entity>) -> Result<Vec<R>, StoreError> {
        let rows = self.rows_of(rows).await?;
        rows.into_iter().map(R::from_row).collect()
    }
    /// Reads one value of the account.
    pub(super) async fn find<R: FromRow>(&self, rows: Select<R::Entity>) -> Result<Option<R>, StoreError> {
        self.row_of(rows).await?.map(R::from_row).transpose()
    }
    /// Counts rows.
    pub(super) async fn count<E>(&self, rows: Select<E>) -> Result<u64, StoreError>
    where
        E: EntityTrait<Model: Sync>,
    {
        rows.count(self.conn()).await.map_err(store_error)
    }
    fn check_row<E: OfAccount>(&self, row: &E::Model) -> Result<(), StoreError> {
        let found = row.get(E::ACCOUNT);
        if found == Value::from(self.account_id()?.uuid()) {
            return Ok(());
        }
        Err(self.stray(E::default().table_name(), found))
    }
    fn stray(&self, table: &str, found: impl std::fmt::Debug) -> StoreError {
        let own = self
            .account_id()
            .map(|account| account.to_string())
            .unwrap_or_default();
        let problem = format!("`{table}` has a row of {found:?} in a unit of work on account {own}");
        Error::corrupt("account", "id", own, problem).into()
    }
}

impl<T: WriteConn> Tx<T> {
    /// Fails where a value of another account would be written.
    pub(super) fn check(&self, table: &'static str, account: AccountId) -> Result<(), StoreError> {
        if account == self.account_id()? {
            return Ok(());
        }
        Err(self.stray(table, account))
    }
    /// Writes a row.
    pub(super) async fn put<A: ActiveModelTrait>(&self, row: Insert<A>) -> Result<(), StoreError> {
        row.exec_without_returning(self.conn())
            .await
            .map_err(store_error)?;
        Ok(())
    }
    /// Writes a row; where its key exists already, these columns change.
    pub(super) async fn upsert<A: ActiveModelTrait>(
        &self,
        row: A,
        columns: impl IntoIterator<Item = <A::Entity as EntityTrait>::Column>,
    ) -> Result<(), StoreError> {
        rows::upsert(self.conn(), row, columns).await.map_err(store_error)
    }
    /// Removes the row with that key.
    pub(super) async fn delete<E: EntityTrait>(
        &self,
        key: impl Into<<E::PrimaryKey as sea_orm::PrimaryKeyTrait>::ValueType> + Send,
    ) -> Result<(), StoreError> {
        rows::delete::<E>(self.conn(), key).await.map_err(store_error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bailiwick_authorization_core::{
        Store,
        account::{Account, Place},
    };
    use bailiwick_policy::PlaceState;
    use bailiwick_sql::{Db, DbConfig, Migrations};
    use bailiwick_testkit::{Fixture, ManualClock, TestDb, on_both_engines, witness};
    use bailiwick_types::{Code, Fault, Scope, ScopeRoot, Service, Timestamp, WorkspaceId};
    use uuid::Uuid;

    use super::*;
    use crate::store::SqlStore;

    on_both_engines! {
        rows_of_another_account_are_internal_errors
    }

    struct World {
        db: Db,
        _database: TestDb,
    }

    impl Fixture for World {
        async fn on(database: TestDb) -> Self {
            let clock = Arc::new(ManualClock::default());
            let config = DbConfig::new(database.url());
            let db = Db::connect(config, Service::Authorization, clock).await.unwrap();
            let migrations = Migrations::new(Service::Authorization, crate::migrations());
            db.migrate(&migrations).await.unwrap();
            Self {
                db,
                _database: database,
            }
        }
    }

    fn account(n: u128) -> AccountId {
        AccountId::from_uuid(Uuid::from_u128(n))
    }

    async fn rows_of_another_account_are_internal_errors(world: World) {
        let store = SqlStore::new(world.db.clone());
        let all = witness::system().all_accounts();
        let mut unit = store
            .write_all(
                all,
                &[ScopeRoot::Account(account(1)), ScopeRoot::Account(account(2))],
            )
            .await
            .unwrap();
        let place = |of: u128| Place {
            account: account(of),
            scope: Scope::Workspace(WorkspaceId::from_uuid(Uuid::from_u128(of + 10))),
            parent: Scope::Account(account(of)),
            title: String::new(),
            edition: None,
            state: PlaceState::Active,
            version: 1,
            closed_version: None,
            created_at: Timestamp(0),
        };
        for of in [1, 2] {
            unit.select(all.account(account(of)));
            unit.put_account(&Account {
                id: account(of),
                product: "studio".parse().unwrap(),
                title: String::new(),
                state: PlaceState::Active,
                version: 1,
                closed_version: None,
                seats: 0,
                billing_anchor: Timestamp(0),
                settings: [].into(),
                settings_version: 0,
                created_at: Timestamp(0),
            })
            .await
            .unwrap();
            unit.put_place(&place(of)).await.unwrap();
        }
        let refused = unit.put_place(&place(1)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Internal);
        unit.commit().await.unwrap();
        let tx = world.db.begin_read_across().await.unwrap();
        let tx = Tx::new(tx, store.products()).of_account(all.account(account(1)));
        assert_eq!(tx.list::<Place>(tx.own().unwrap()).await.unwrap(), [place(1)]);
        let stray = tx.list::<Place>(entity::place::Entity::find()).await.unwrap_err();
        assert_eq!(stray.code(), Code::Internal);
    }
}
