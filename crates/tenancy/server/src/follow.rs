//! Follows authorization's feed: products are taken in, everything else is passed.

use async_trait::async_trait;
use bailiwick_feed::change;
use bailiwick_proto::events::v1::{ProductApplied, change::Change};
use bailiwick_sql::{
    Db, WriteTx,
    follow::{ApplyError, Event, FeedSink, Run},
};
use bailiwick_tenancy_core::{product, store::StoreError};
use bailiwick_types::{ProductName, ScopeRoot};

use crate::store::ProductRows;

/// What products are called in the marks of a snapshot.
const KIND: &str = "product";

/// Takes in the products that authorization applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProductSink;

#[async_trait]
impl FeedSink for ProductSink {
    async fn roots(&self, _: &Db, _: &Event) -> Result<Vec<ScopeRoot>, ApplyError> {
        Ok(Vec::new())
    }
    async fn apply(&self, tx: &mut WriteTx, event: &Event) -> Result<(), ApplyError> {
        for bytes in &event.changes {
            if let Some(applied) = product_of(bytes)? {
                take_in(tx, &applied).await?;
            }
        }
        Ok(())
    }
    async fn item_roots(&self, _: &Db, _: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError> {
        Ok(Vec::new())
    }
    async fn apply_item(&self, tx: &mut WriteTx, run: &Run, item: &[u8]) -> Result<(), ApplyError> {
        if let Some(applied) = product_of(item)? {
            take_in(tx, &applied).await?;
            run.saw(tx, KIND, &[applied.product]).await?;
        }
        Ok(())
    }
    async fn sweep(&self, db: &Db, run: &Run) -> Result<(), ApplyError> {
        let tx = db.begin_write_across(&[]).await?;
        run.hold(&tx).await?;
        ProductRows(tx.conn())
            .remove_where(&run.unseen(KIND, "product.name"))
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A change of a kind that a newer program knows is none of ours.
fn product_of(bytes: &[u8]) -> Result<Option<ProductApplied>, ApplyError> {
    match change(bytes) {
        Ok(Change::ProductApplied(applied)) => Ok(Some(applied)),
        Ok(_) | Err(bailiwick_feed::DecodeError::Unknown) => Ok(None),
        Err(error) => Err(ApplyError::Content(error.to_string())),
    }
}

async fn take_in(tx: &mut WriteTx, applied: &ProductApplied) -> Result<(), ApplyError> {
    let name: ProductName = applied
        .product
        .parse()
        .map_err(|error| ApplyError::Content(format!("product name: {error}")))?;
    let mut rows = ProductRows(tx.conn());
    match product::apply(&mut rows, &name, applied.version, &applied.manifest).await {
        Ok(()) => Ok(()),
        Err(product::ApplyError::Manifest(error)) => Err(ApplyError::Content(error.to_string())),
        Err(product::ApplyError::Store(error)) => Err(failed(error)),
    }
}

fn failed(error: StoreError) -> ApplyError {
    ApplyError::Store(crate::store::sql_error(error))
}
