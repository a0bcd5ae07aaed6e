//! Writing rows of entities.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Iterable, PrimaryKeyToColumn,
    PrimaryKeyTrait, sea_query::OnConflict,
};

use crate::Error;

/// Inserts a row.
///
/// # Errors
/// The database fails, or the row is there.
pub async fn insert<A: ActiveModelTrait>(
    conn: &impl ConnectionTrait,
    row: impl IntoActiveModel<A>,
) -> Result<(), Error> {
    let insert = A::Entity::insert(row.into_active_model());
    insert.exec_without_returning(conn).await?;
    Ok(())
}

/// Inserts a row; where its key exists already, these columns change.
///
/// # Errors
/// The database fails.
pub async fn upsert<A: ActiveModelTrait>(
    conn: &impl ConnectionTrait,
    row: impl IntoActiveModel<A>,
    columns: impl IntoIterator<Item = <A::Entity as EntityTrait>::Column>,
) -> Result<(), Error> {
    let key = <A::Entity as EntityTrait>::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let changes = OnConflict::columns(key).update_columns(columns).to_owned();
    let insert = A::Entity::insert(row.into_active_model()).on_conflict(changes);
    insert.exec_without_returning(conn).await?;
    Ok(())
}

/// Rows that one statement inserts.
const AT_ONCE: usize = 200;

/// Like [`upsert`], for many rows with few statements. No key is twice among them.
///
/// # Errors
/// The database fails.
pub async fn upsert_all<A: ActiveModelTrait>(
    conn: &impl ConnectionTrait,
    rows: Vec<A>,
    columns: &[<A::Entity as EntityTrait>::Column],
) -> Result<(), Error> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let key = <A::Entity as EntityTrait>::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
        let changes = OnConflict::columns(key)
            .update_columns(columns.iter().copied())
            .to_owned();
        let some: Vec<A> = rows.by_ref().take(AT_ONCE).collect();
        let insert = A::Entity::insert_many(some).on_conflict(changes);
        insert.exec_without_returning(conn).await?;
    }
    Ok(())
}

/// Deletes the row with a key, if there is one.
///
/// # Errors
/// The database fails.
pub async fn delete<E: EntityTrait>(
    conn: &impl ConnectionTrait,
    key: impl Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType> + Send,
) -> Result<(), Error> {
    E::delete_by_id(key).exec(conn).await?;
    Ok(())
}
