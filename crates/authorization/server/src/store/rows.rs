//! Reads and writes the rows of the account that a unit of work has selected. A row of another account is an
//! internal error.

use bailiwick_authorization_core::StoreError;
use bailiwick_sql::{Error, rows};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, ModelTrait, PaginatorTrait, PrimaryKeyTrait, QueryFilter,
    Select, Value, sea_query::Expr,
};
use uuid::Uuid;

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

/// The key of a row.
type KeyOf<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// Two values that are compared as one: by the first, where that is equal by the second.
pub(super) fn pair(first: impl Into<Expr>, second: impl Into<Expr>) -> Expr {
    Expr::tuple([first.into(), second.into()])
}

/// A value that is read from one row.
pub(super) trait FromRow: Sized {
    type Entity: OfAccount;
    fn from_row(row: <Self::Entity as EntityTrait>::Model) -> Result<Self, Error>;
}

impl<T: ReadConn> Tx<T> {
    /// The rows of the account.
    pub(super) fn own<E: OfAccount>(&self) -> Result<Select<E>, StoreError> {
        Ok(E::find().filter(E::ACCOUNT.eq(self.account_id()?.uuid())))
    }
    /// Reads values of the account.
    pub(super) async fn list<R: FromRow>(&self, rows: Select<R::Entity>) -> Result<Vec<R>, StoreError> {
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        rows.into_iter().map(|row| self.value(row)).collect()
    }
    /// Reads one value of the account.
    pub(super) async fn find<R: FromRow>(&self, rows: Select<R::Entity>) -> Result<Option<R>, StoreError> {
        let row = rows.one(self.conn()).await.map_err(store_error)?;
        row.map(|row| self.value(row)).transpose()
    }
    /// Reads the value of the account with that id.
    pub(super) async fn find_id<R: FromRow>(&self, id: Uuid) -> Result<Option<R>, StoreError>
    where
        (Uuid, Uuid): Into<KeyOf<R::Entity>>,
    {
        let account = self.account_id()?.uuid();
        self.find(R::Entity::find_by_id((account, id))).await
    }
    /// Reads the row with that key.
    pub(super) async fn row<E: EntityTrait>(
        &self,
        key: impl Into<KeyOf<E>> + Send,
    ) -> Result<Option<E::Model>, StoreError> {
        E::find_by_id(key).one(self.conn()).await.map_err(store_error)
    }
    /// Counts rows.
    pub(super) async fn count<E>(&self, rows: Select<E>) -> Result<u64, StoreError>
    where
        E: EntityTrait<Model: Sync>,
    {
        rows.count(self.conn()).await.map_err(store_error)
    }
    /// The value of a row, which must be of the account.
    fn value<R: FromRow>(&self, row: <R::Entity as EntityTrait>::Model) -> Result<R, StoreError> {
        self.check::<R::Entity>(&row.get(R::Entity::ACCOUNT))?;
        Ok(R::from_row(row)?)
    }
    /// Fails where a row is of another account.
    fn check<E: OfAccount>(&self, found: &Value) -> Result<(), StoreError> {
        let own = self.account_id()?;
        if *found == Value::from(own.uuid()) {
            return Ok(());
        }
        let table = E::default().table_name().to_owned();
        let problem = format!("`{table}` has a row of {found:?} in a unit of work on account {own}");
        Err(Error::corrupt("account", "id", own.to_string(), problem).into())
    }
}

impl<T: WriteConn> Tx<T> {
    /// Writes a new row.
    pub(super) async fn insert<A: ActiveModelTrait>(&self, row: A) -> Result<(), StoreError> {
        rows::insert(self.conn(), row).await.map_err(store_error)
    }
    /// Writes a row of the account; where its key exists already, these columns change.
    pub(super) async fn upsert<A: ActiveModelTrait<Entity: OfAccount>>(
        &self,
        row: A,
        columns: impl IntoIterator<Item = <A::Entity as EntityTrait>::Column>,
    ) -> Result<(), StoreError> {
        let account = row.get(A::Entity::ACCOUNT).into_value();
        self.check::<A::Entity>(&account.unwrap_or(Value::Uuid(None)))?;
        self.upsert_common(row, columns).await
    }
    /// The same for many rows with few statements.
    pub(super) async fn upsert_all<A: ActiveModelTrait<Entity: OfAccount>>(
        &self,
        rows: Vec<A>,
        columns: &[<A::Entity as EntityTrait>::Column],
    ) -> Result<(), StoreError> {
        for row in &rows {
            let account = row.get(A::Entity::ACCOUNT).into_value();
            self.check::<A::Entity>(&account.unwrap_or(Value::Uuid(None)))?;
        }
        rows::upsert_all(self.conn(), rows, columns)
            .await
            .map_err(store_error)
    }
    /// The same for a row that no account has.
    pub(super) async fn upsert_common<A: ActiveModelTrait>(
        &self,
        row: A,
        columns: impl IntoIterator<Item = <A::Entity as EntityTrait>::Column>,
    ) -> Result<(), StoreError> {
        rows::upsert(self.conn(), row, columns).await.map_err(store_error)
    }
    /// Removes the row with that key.
    pub(super) async fn delete<E: EntityTrait>(
        &self,
        key: impl Into<KeyOf<E>> + Send,
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
    use bailiwick_types::{
        AccountId, Code, Fault, Scope, ScopeRoot, Service, SourceVersion, Timestamp, WorkspaceId,
    };
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
            version: SourceVersion::default(),
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
                version: SourceVersion::default(),
                closed_version: None,
                seats: 0,
                billing_anchor: Timestamp(0),
                settings: [].into(),
                settings_version: SourceVersion::default(),
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
