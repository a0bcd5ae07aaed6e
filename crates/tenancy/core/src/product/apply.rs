//! Takes over a product that authorization applied.

use async_trait::async_trait;
use bailiwick_types::{ProductName, SourceVersion, StoreError, System};

use super::{ManifestError, Product, Reader, parse};

/// Stores products.
#[async_trait]
pub trait Writer: Reader {
    /// Replaces a product by its new version.
    ///
    /// # Errors
    /// The database fails.
    async fn put_product(&mut self, product: &Product) -> Result<(), StoreError>;
}

/// Why a product is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its manifest cannot be read: the event is skipped.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The store failed: the event is retried.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores the product, unless its version or a newer one of the same history is there.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    products: &mut dyn Writer,
    _: &System,
    name: &ProductName,
    version: SourceVersion,
    manifest: &str,
) -> Result<(), Error> {
    let product = parse(name, version, manifest)?;
    let known = products.find_product(name).await?;
    if !known.is_some_and(|known| known.version.covers(&product.version)) {
        products.put_product(&product).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::World;

    async fn apply(world: &World, epoch: &str, version: u64, manifest: &str) -> Result<u64, Error> {
        let name = "shop".parse().unwrap();
        let mut products = world.memory.clone();
        run(
            &mut products,
            &bailiwick_testkit::witness::system(),
            &name,
            SourceVersion::new(epoch, version),
            manifest,
        )
        .await?;
        Ok(products.find_product(&name).await?.unwrap().version.number())
    }

    #[tokio::test]
    async fn a_newer_manifest_replaces_an_older_one_and_not_the_other_way_round() {
        let world = World::new();
        let manifest = r#"{"product": "shop"}"#;
        assert_eq!(apply(&world, "first", 3, manifest).await.unwrap(), 3);
        assert_eq!(apply(&world, "first", 2, manifest).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_manifest_of_a_restored_authorization_replaces_one_with_a_higher_version() {
        let world = World::new();
        let manifest = r#"{"product": "shop"}"#;
        assert_eq!(apply(&world, "first", 3, manifest).await.unwrap(), 3);
        assert_eq!(apply(&world, "restored", 2, manifest).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_manifest_that_cannot_be_read_is_refused() {
        for manifest in ["{", r#"{"product": "other"}"#] {
            let refused = apply(&World::new(), "first", 9, manifest).await;
            assert!(matches!(refused, Err(Error::Manifest(_))), "{refused:?}");
        }
    }
}
