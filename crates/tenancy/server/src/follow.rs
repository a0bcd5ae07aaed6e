//! Follows authorization's feed: takes over products and skips everything else.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_feed::change;
use bailiwick_proto::events::v1::{ProductApplied, change::Change};
use bailiwick_sql::{
    Cause, Db, Error, WriteTx,
    follow::{ApplyError, Compare, Difference, Event, FeedSink, Fields, Kept, Run, Thing},
};
use bailiwick_tenancy_core::product::{Product, apply, parse};
use bailiwick_types::{ProductName, ScopeRoot, SourceVersion, StoreError, System};

use crate::store::{ProductRows, find_product};

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
        let name = name_of(applied)?;
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
    fn redact(&self, change: &[u8]) -> Option<Vec<u8>> {
        bailiwick_feed::without_personal_data(change)
    }
}

#[async_trait]
impl Compare for ProductSink {
    async fn compare(
        &self,
        db: &Db,
        epoch: &Arc<str>,
        items: &[Vec<u8>],
    ) -> Result<Vec<Difference>, ApplyError> {
        let tx = db.begin_read_across().await?;
        let mut differences = Vec::new();
        for item in items {
            let Some(applied) = product_of(item)? else {
                continue;
            };
            let name = name_of(&applied)?;
            let version = SourceVersion::new(Arc::clone(epoch), applied.version);
            let told = parse(&name, version, &applied.manifest)
                .map_err(|error| ApplyError::Content(error.to_string()))?;
            let kept = find_product(tx.conn(), &name).await;
            let thing = Thing::Product(name);
            differences.extend(match kept.map_err(sql_error)? {
                None => Some(Difference::missing(thing)),
                Some(kept) => Fields::default()
                    .version(&told.version, &kept.version)
                    .field("manifest", &content(&told), &content(&kept))
                    .of(thing),
            });
        }
        Ok(differences)
    }
    async fn kept(&self, db: &Db, _: Option<&str>) -> Result<Kept, ApplyError> {
        let tx = db.begin_read_across().await?;
        let names = ProductRows(tx.conn()).names().await?;
        Ok(Kept {
            things: names.into_iter().map(Thing::Product).collect(),
            next: None,
        })
    }
}

/// What tenancy reads of a manifest, as text.
fn content(product: &Product) -> String {
    serde_json::to_string(product).unwrap_or_default()
}

fn name_of(applied: &ProductApplied) -> Result<ProductName, ApplyError> {
    let name = applied.product.parse();
    name.map_err(|error| ApplyError::Content(format!("product name: {error}")))
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
