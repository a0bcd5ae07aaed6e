//! Instances and workspaces.

use async_trait::async_trait;
use bailiwick_sql::{Error, execute, query, rows};
use bailiwick_tenancy_core::{
    State,
    listing::{Key, Query},
    place::{Place, PlaceFilter, PlaceId, Reader, Writer},
};
use bailiwick_types::{AccountId, InstanceId, Level, StoreError};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    QueryTrait, Select,
};
use uuid::Uuid;

use super::{
    convert::{self, level, place_row},
    entity::place::{Column, Entity},
    list::{Columns, page},
    store_error,
    unit::{Tx, Unit, WriteUnit},
};

/// Places that are not deleted, and not in a deleted instance.
fn existing(account: AccountId) -> Select<Entity> {
    let deleted = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::AccountId.eq(account.uuid()))
        .filter(Column::ParentId.is_null())
        .filter(Column::State.eq(State::Deleted.as_str()))
        .into_query();
    Entity::find()
        .filter(Column::AccountId.eq(account.uuid()))
        .filter(Column::State.ne(State::Deleted.as_str()))
        .filter(
            Condition::any()
                .add(Column::ParentId.is_null())
                .add(Column::ParentId.not_in_subquery(deleted)),
        )
}

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_place(&mut self, id: PlaceId) -> Result<Option<Place>, StoreError> {
        let select = existing(self.account())
            .filter(Column::Id.eq(id.uuid()))
            .filter(Column::Level.eq(level(id.level())));
        let row = select.one(self.conn()).await.map_err(store_error)?;
        Ok(row.map(|row| self.value(row)).transpose()?)
    }
    async fn any_place(&mut self, id: PlaceId) -> Result<Option<Place>, StoreError> {
        let select = Entity::find_by_id((self.account().uuid(), id.uuid()));
        let row = select.one(self.conn()).await.map_err(store_error)?;
        Ok(row.map(|row| self.value(row)).transpose()?)
    }
    async fn list_places(
        &mut self,
        filter: PlaceFilter,
        query: &Query,
        after: Option<&Key>,
        limit: u64,
    ) -> Result<Vec<Place>, StoreError> {
        let mut select = existing(self.account()).filter(Column::Level.eq(level(filter.level)));
        match filter.parent {
            None => {}
            Some(None) => select = select.filter(Column::ParentId.is_null()),
            Some(Some(instance)) => select = select.filter(Column::ParentId.eq(instance.uuid())),
        }
        let columns = Columns {
            title_key: Column::TitleKey,
            created: Column::CreatedAt,
            id: Column::Id,
        };
        let backend = self.conn().get_database_backend();
        let select = page(select, columns, backend, query, after, limit);
        let rows = select.all(self.conn()).await.map_err(store_error)?;
        let places = rows.into_iter().map(|row| self.value(row));
        Ok(places.collect::<Result<_, Error>>()?)
    }
    async fn has_places(&mut self, parent: Option<InstanceId>) -> Result<bool, StoreError> {
        let mut select = existing(self.account());
        if let Some(instance) = parent {
            select = select.filter(Column::ParentId.eq(instance.uuid()));
        }
        let row = select.limit(1).one(self.conn()).await.map_err(store_error)?;
        if row.is_some() {
            return Ok(true);
        }
        // What moves there is there as soon as authorization has moved it.
        use super::entity::moving::{Column as C, Entity as Moves};
        let account = self.account().uuid();
        let mut select = Moves::find()
            .filter(C::AccountId.eq(account))
            .filter(C::TargetId.eq(account));
        if let Some(instance) = parent {
            select = select.filter(C::ParentId.eq(instance.uuid()));
        }
        let row = select.limit(1).one(self.conn()).await.map_err(store_error)?;
        Ok(row.is_some())
    }
    async fn count_places(&mut self, level: Level) -> Result<u64, StoreError> {
        let sql = "SELECT used FROM account_usage WHERE account_id = $1 AND kind = $2";
        let account = self.account();
        let values = vec![account.uuid().into(), convert::level(level).into()];
        let found = query(self.conn(), sql, values).await?;
        let mut used: i64 = 0;
        if let Some(row) = found.first() {
            used = row.try_get("", "used").map_err(store_error)?;
        }
        if level == Level::Workspace {
            // Those that are about to come have their place already.
            let sql = "SELECT COUNT(*) AS coming FROM moving \
                       WHERE account_id = $1 AND target_id = $1 AND source_id <> $1";
            let found = query(self.conn(), sql, vec![account.uuid().into()]).await?;
            if let Some(row) = found.first() {
                used += row.try_get::<i64>("", "coming").map_err(store_error)?;
            }
        }
        let corrupt = |_| Error::corrupt("account_usage", "used", account, "is negative");
        Ok(u64::try_from(used).map_err(corrupt)?)
    }
}

impl WriteUnit {
    /// A place that came to another parent counts unless that is a deleted instance: it may have gone with
    /// one and counts again, or come to one that was deleted while it moved there.
    async fn count_again(&mut self, (account, id): (Uuid, Uuid)) -> Result<(), StoreError> {
        let gone = "EXISTS (SELECT 1 FROM place i WHERE i.account_id = place.account_id \
                    AND i.id = place.parent_id AND i.state = $3)";
        for (counted, when) in [
            ("TRUE", format!("NOT counted AND NOT {gone}")),
            ("FALSE", format!("counted AND {gone}")),
        ] {
            let sql =
                format!("UPDATE place SET counted = {counted} WHERE account_id = $1 AND id = $2 AND {when}");
            let values = vec![account.into(), id.into(), State::Deleted.as_str().into()];
            execute(self.conn(), sql, values).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn insert_place(&mut self, place: &Place) -> Result<(), StoreError> {
        self.check(place)?;
        Ok(rows::insert(self.conn(), place_row(place)).await?)
    }
    async fn put_place(&mut self, place: &Place) -> Result<(), StoreError> {
        self.check(place)?;
        let key = (place.account.uuid(), place.id.uuid());
        let known = Entity::find_by_id(key)
            .one(self.conn())
            .await
            .map_err(store_error)?;
        if known.is_none() {
            self.insert_place(place).await?;
            return self.count_again(key).await;
        }
        self.update_place(place).await?;
        self.count_again(key).await
    }
    async fn update_place(&mut self, place: &Place) -> Result<(), StoreError> {
        self.check(place)?;
        let row = place_row(place).reset_all();
        row.update(self.conn()).await.map_err(store_error)?;
        if place.state == State::Deleted && place.id.level() == Level::Instance {
            // Its workspaces are gone with it, as they are.
            let sql = "UPDATE place SET counted = FALSE WHERE account_id = $1 AND parent_id = $2";
            let values = vec![place.account.uuid().into(), place.id.uuid().into()];
            execute(self.conn(), sql, values).await?;
        }
        Ok(())
    }
}
