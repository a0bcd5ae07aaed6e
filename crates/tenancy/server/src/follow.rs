//! Follows authorization's feed: takes over products and skips everything else.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_feed::change;
use bailiwick_proto::events::v1::{ProductApplied, change::Change};
use bailiwick_sql::{
    Cause, Db, Error, WriteTx,
    follow::{ApplyError, Event, FeedSink, Run},
};
use bailiwick_tenancy_core::product::apply;
use bailiwick_types::{ProductName, ScopeRoot, SourceVersion, StoreError, System};

use crate::store::ProductRows;

/// The kind of products in the marks of a snapshot.
const KIND: &str = "product";

/// Takes over the products that authorization applies.
#[derive(Debug, Clone)]
pub struct ProductSink {
    system: System,
}

impl ProductSink {
    /// Writes products by the suite's own right.
    #[must_use]
    pub fn new(system: System) -> Self {
        Self { system }
    }
    async fn take_over(
        &self,
        tx: &WriteTx,
        epoch: &Arc<str>,
        applied: &ProductApplied,
    ) -> Result<(), ApplyError> {
        let name: ProductName = applied
            .product
            .parse()
            .map_err(|error| ApplyError::Content(format!("product name: {error}")))?;
        let mut rows = ProductRows(tx.conn());
        let version = SourceVersion::new(Arc::clone(epoch), applied.version);
        apply::run(&mut rows, &self.system, &name, version, &applied.manifest)
            .await
            .map_err(|error| match error {
                apply::Error::Manifest(error) => ApplyError::Content(error.to_string()),
                apply::Error::Store(error) => ApplyError::Store(sql_error(error)),
            })
    }
}

#[async_trait]
impl FeedSink for ProductSink {
    async fn roots(&self, _: &Db, _: &Event) -> Result<Vec<ScopeRoot>, ApplyError> {
        Ok(Vec::new())
    }
    async fn apply(&self, tx: &mut WriteTx, epoch: &Arc<str>, event: &Event) -> Result<(), ApplyError> {
        for bytes in &event.changes {
            if let Some(applied) = product_of(bytes)? {
                self.take_over(tx, epoch, &applied).await?;
            }
        }
        Ok(())
    }
    async fn item_roots(&self, _: &Db, _: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError> {
        Ok(Vec::new())
    }
    async fn apply_item(&self, tx: &mut WriteTx, run: &Run, item: &[u8]) -> Result<(), ApplyError> {
        if let Some(applied) = product_of(item)? {
            self.take_over(tx, run.epoch(), &applied).await?;
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

/// The product of a change. Changes of other kinds, also of kinds that only a newer program knows, are
/// skipped.
fn product_of(bytes: &[u8]) -> Result<Option<ProductApplied>, ApplyError> {
    match change(bytes) {
        Ok(Change::ProductApplied(applied)) => Ok(Some(applied)),
        Ok(_) | Err(bailiwick_feed::DecodeError::Unknown) => Ok(None),
        Err(error) => Err(ApplyError::Content(error.to_string())),
    }
}

/// The database's error for an error of the port.
fn sql_error(error: StoreError) -> Error {
    let cause = Cause::new(error.clone());
    match error {
        StoreError::Unavailable(_) => Error::Unavailable(cause),
        StoreError::Conflict(_) => Error::Conflict(cause),
        StoreError::Taken(_) | StoreError::Internal(_) => Error::Internal(cause),
    }
}
