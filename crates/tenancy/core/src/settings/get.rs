//! Reads the settings of an account.

use bailiwick_types::{AccountId, Authorized, Code, Fault, Reason};

use super::{Settings, Values};
use crate::{
    account::Missing,
    store::{Reach, Store, StoreError, faults},
};

/// Why settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// The account does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(GetError { Self::Missing(e) => e, Self::Store(e) => e });

/// Reads the settings of an account, with the product's defaults, and their version.
///
/// # Errors
/// The account does not exist or the store fails.
pub async fn get(store: &dyn Store, _: &Authorized, account: AccountId) -> Result<(Values, u64), GetError> {
    let mut read = store.read(Reach::Account(account)).await?;
    let found = read.find_account(account).await?.ok_or(Missing)?;
    let settings = read.find_settings(account).await?;
    let product = read.find_product(&found.product).await?;
    Ok((shown(&settings, product.as_ref()), settings.version))
}

/// The values as callers see them.
pub(super) fn shown(settings: &Settings, product: Option<&crate::product::Product>) -> Values {
    product.map_or_else(
        || settings.values.clone(),
        |product| settings.with_defaults(product),
    )
}

/// The product of an account has not arrived yet, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the account's product is not known here yet")]
pub struct NoProduct;

impl Fault for NoProduct {
    fn code(&self) -> Code {
        Code::Unavailable
    }
    fn reason(&self) -> Reason {
        Reason::NotYetVisible
    }
    fn retry_after(&self) -> Option<std::time::Duration> {
        Some(std::time::Duration::from_millis(200))
    }
}
