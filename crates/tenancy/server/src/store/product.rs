//! Products.

use async_trait::async_trait;
use bailiwick_sql::{Conn, Error, execute, rows};
use bailiwick_tenancy_core::product::{Product, Reader, apply::Writer};
use bailiwick_types::{ProductName, SourceVersion, StoreError};
use sea_orm::{EntityTrait, QueryOrder};

use super::{
    convert::stored,
    entity::product::{Column, Entity, Model},
    store_error,
    unit::{Tx, Unit},
};

pub(crate) async fn find(conn: &Conn, name: &ProductName) -> Result<Option<Product>, StoreError> {
    let row = Entity::find_by_id(name.as_str())
        .one(conn)
        .await
        .map_err(store_error)?;
    let Some(row) = row else { return Ok(None) };
    let corrupt = |column, problem: String| Error::corrupt("product", column, &row.name, problem);
    let number = u64::try_from(row.version).map_err(|_| corrupt("version", "is negative".to_owned()))?;
    let product: Product =
        serde_json::from_str(&row.content).map_err(|error| corrupt("content", error.to_string()))?;
    Ok(Some(Product {
        version: SourceVersion::new(row.epoch.as_str(), number),
        ..product
    }))
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
        let row = Model {
            name: product.name.to_string(),
            epoch: product.version.epoch().to_owned(),
            version: stored(product.version.number()),
            content,
        };
        Ok(rows::upsert(self.0, row, [Column::Epoch, Column::Version, Column::Content]).await?)
    }
}

impl ProductRows<'_> {
    /// The names of all products.
    pub(crate) async fn names(&self) -> Result<Vec<ProductName>, Error> {
        let rows = Entity::find().order_by_asc(Column::Name).all(self.0).await?;
        rows.into_iter()
            .map(|row| {
                let name = row.name.parse();
                name.map_err(|error| Error::corrupt("product", "name", &row.name, error))
            })
            .collect()
    }
    /// Deletes the products that match an SQL condition.
    pub(crate) async fn remove_where(&self, condition: &str) -> Result<(), Error> {
        execute(self.0, format!("DELETE FROM product WHERE {condition}"), vec![]).await?;
        Ok(())
    }
}
