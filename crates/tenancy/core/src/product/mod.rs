//! Products, as far as tenancy has to know them: which levels they have, the editions of their instances, their settings
//! and which levels have a single owner.

mod apply;
mod manifest;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bailiwick_types::{ProductName, Violations};
use serde::{Deserialize, Serialize};

pub use apply::{ApplyError, Writer, apply};
pub use manifest::{ManifestError, parse};

use crate::{settings::Decl, store::StoreError};

/// A product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Its name.
    pub name: ProductName,
    /// Version of its manifest.
    pub version: u64,
    /// The editions of its instances; absent where it has no instances, empty where they have none.
    pub instances: Option<Vec<String>>,
    /// Whether it has workspaces.
    pub workspaces: bool,
    /// Whether each account has exactly one holder of a role.
    pub owned: bool,
    /// Its settings.
    pub settings: BTreeMap<String, Decl>,
}

impl Product {
    /// Checks an edition of a new instance.
    ///
    /// # Errors
    /// The product has no instances, or none of that edition.
    pub fn check_edition(&self, edition: &str) -> Result<(), Violations> {
        let Some(editions) = &self.instances else {
            let rule = format!("must be of a product with instances; `{}` has none", self.name);
            return Err(Violations::of("account", rule));
        };
        if editions.iter().any(|e| e == edition) || (editions.is_empty() && edition.is_empty()) {
            return Ok(());
        }
        let rule = if editions.is_empty() {
            "must be empty: the product's instances have no editions".to_owned()
        } else {
            let names: Vec<_> = editions.iter().map(|e| format!("`{e}`")).collect();
            format!("must be one of {}", names.join(", "))
        };
        Err(Violations::of("edition", rule))
    }
    /// Checks that there may be workspaces.
    ///
    /// # Errors
    /// The product has none.
    pub fn check_workspaces(&self) -> Result<(), Violations> {
        if self.workspaces {
            return Ok(());
        }
        let rule = format!("must be of a product with workspaces; `{}` has none", self.name);
        Err(Violations::of("account", rule))
    }
}

/// What is said of a product that is not there.
#[must_use]
pub fn unknown(name: &ProductName) -> Violations {
    Violations::of(
        "product",
        format!("must be a product of this deployment; `{name}` is none"),
    )
}

/// Reads products.
#[async_trait]
pub trait Reader {
    /// The product of that name.
    ///
    /// # Errors
    /// The database fails.
    async fn find_product(&mut self, name: &ProductName) -> Result<Option<Product>, StoreError>;
}
