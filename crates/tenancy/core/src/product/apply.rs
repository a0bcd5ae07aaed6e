//! Takes in the products that authorization applied.

use async_trait::async_trait;
use bailiwick_types::ProductName;

use super::{ManifestError, Product, Reader, parse};
use crate::store::StoreError;

/// Keeps products.
#[async_trait]
pub trait Writer: Reader {
    /// Keeps a product, in the place of its older version.
    ///
    /// # Errors
    /// The database fails.
    async fn put_product(&mut self, product: &Product) -> Result<(), StoreError>;
}

/// Why a product could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Its manifest cannot be read: the event is refused and passed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The store failed: the event is tried again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes in a product. One that is not newer than what is there is skipped.
///
/// # Errors
/// The manifest cannot be read or the store fails.
pub async fn apply(
    products: &mut (dyn Writer + Send),
    name: &ProductName,
    version: u64,
    manifest: &str,
) -> Result<(), ApplyError> {
    let product = parse(name, version, manifest)?;
    let known = products.find_product(name).await?;
    if known.is_none_or(|known| known.version < version) {
        products.put_product(&product).await?;
    }
    Ok(())
}
