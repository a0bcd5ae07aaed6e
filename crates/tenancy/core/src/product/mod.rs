//! The parts of a product that tenancy needs: its levels, the editions of its instances, its settings, and
//! whether an account has a single owner.

pub mod apply;
mod manifest;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bailiwick_types::{AccountId, Caller, ProductName, SourceVersion, StoreError, Violations};
use serde::{Deserialize, Serialize};

pub use manifest::{ManifestError, parse};

use crate::{Tenancy, settings::Decl};

/// A product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Its name.
    pub name: ProductName,
    /// Authorization's version of its manifest.
    #[serde(skip)]
    pub version: SourceVersion,
    /// The editions of its instances; `None` without instances, empty where instances have no editions.
    pub instances: Option<Vec<String>>,
    /// Whether it has workspaces.
    pub workspaces: bool,
    /// Whether some role of the account has exactly one holder.
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

/// The violation for a product that does not exist.
pub(crate) fn unknown(name: &ProductName) -> Violations {
    let rule = format!("must be a product of this deployment; `{name}` does not exist");
    Violations::of("product", rule)
}

/// The product that a request about `account` is checked against before the caller's right.
///
/// The order of checks: a misfit with the product comes before the right, because it is the more helpful
/// answer. It is reported only to callers whose token is for the account. To others it would reveal that the
/// account exists, so for them the right comes first, and this is `None`.
///
/// # Errors
/// The store fails.
pub async fn before_right(
    tenancy: &Tenancy,
    caller: &Caller,
    account: AccountId,
) -> Result<Option<Product>, StoreError> {
    if caller.account() != Some(account) {
        return Ok(None);
    }
    tenancy.store.product_of_caller(caller).await
}

/// Reads products.
#[async_trait]
pub trait Reader: Send {
    /// The product of that name.
    ///
    /// # Errors
    /// The database fails.
    async fn find_product(&mut self, name: &ProductName) -> Result<Option<Product>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World};

    #[tokio::test]
    async fn only_a_caller_of_the_account_is_told_of_a_misfit_before_its_right() {
        let world = World::new();
        let account = world.account();
        world.other_account();
        let member = memory::member::<bailiwick_types::method::tenancy::GetAccount>();
        let own = before_right(&world.tenancy, member.caller(), account.id)
            .await
            .unwrap();
        assert_eq!(own.unwrap().name, account.product);
        let other = before_right(&world.tenancy, member.caller(), memory::other_id()).await;
        assert_eq!(other.unwrap(), None);
    }
}
