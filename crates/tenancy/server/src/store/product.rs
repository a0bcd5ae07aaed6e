//! Products.

use async_trait::async_trait;
use bailiwick_sql::{Conn, Error};
use bailiwick_tenancy_core::product::{Product, Reader, apply::Writer};
use bailiwick_types::{ProductName, StoreError};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};

use super::{
    convert::stored,
    entity::product::{ActiveModel, Column, Entity},
    store_error,
    unit::{Tx, Unit},
};

pub(super) async fn find(conn: &Conn, name: &ProductName) -> Result<Option<Product>, StoreError> {
    let row = Entity::find_by_id(name.as_str())
        .one(conn)
        .await
        .map_err(store_error)?;
    let Some(row) = row else { return Ok(None) };
    let product = serde_json::from_str(&row.content);
    Ok(product.map_err(|error| Error::corrupt("product", "content", &row.name, error))?)
}

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_product(&mut self, name: &ProductName) -> Result<Option<Product>, StoreError> {
        find(self.conn(), name).await
    }
}

/// The products, in the transaction that moves the cursor of their feed.
pub(crate) struct ProductRows<'a>(pub(crate) &'a Conn);

#[async_trait]
impl Reader for ProductRows<'_> {
    async fn find_product(&mut self, name: &ProductName) -> Result<Option<Product>, StoreError> {
        find(self.0, name).await
    }
}

#[async_trait]
impl Writer for ProductRows<'_> {
    async fn put_product(&mut self, product: &Product) -> Result<(), StoreError> {
        let content =
            serde_json::to_string(product).map_err(|error| StoreError::internal(error.to_string()))?;
        let row = ActiveModel {
            name: Set(product.name.to_string()),
            version: Set(stored(product.version)),
            content: Set(content),
        };
        let replace = OnConflict::column(Column::Name)
            .update_columns([Column::Version, Column::Content])
            .to_owned();
        let done = Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(self.0)
            .await;
        done.map(drop).map_err(store_error)
    }
}

impl ProductRows<'_> {
    /// Deletes the products that match an SQL condition.
    pub(crate) async fn remove_where(&self, condition: &str) -> Result<(), Error> {
        self.0
            .execute_unprepared(&format!("DELETE FROM product WHERE {condition}"))
            .await?;
        Ok(())
    }
}
