//! Compiled products, kept for all transactions of the process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_policy::Product;
use bailiwick_types::ProductName;

/// Compiled products by name, each with the version of its manifest.
#[derive(Debug, Default)]
pub(crate) struct Products(Mutex<HashMap<ProductName, (i64, Arc<Product>)>>);

impl Products {
    /// The product, where that version is here.
    pub(super) fn get(&self, name: &ProductName, version: i64) -> Option<Arc<Product>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name)
            .filter(|(is, _)| *is == version)
            .map(|(_, product)| Arc::clone(product))
    }
    /// Keeps a version. An older one may replace a newer one, which is then only compiled again.
    pub(super) fn put(&self, name: ProductName, version: i64, product: Arc<Product>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, (version, product));
    }
}
