//! Sets some settings of an account.

use bailiwick_types::{AccountId, Authorized, Token, Violations};

use super::{
    Values, check,
    get::{NoProduct, shown},
};
use crate::{
    Etag, EtagError, Event,
    account::{Missing, NotActive},
    store::{Reach, Store, StoreError, faults},
};

/// Sets some settings of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateSettings {
    /// The account.
    pub account: AccountId,
    /// The values; null goes back to the default.
    pub values: Values,
    /// The etag that was read.
    pub etag: Etag,
}

/// Why settings could not be set.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// Values do not fit the product.
    #[error(transparent)]
    Misfit(#[from] Violations),
    /// The account does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The account is not in use.
    #[error(transparent)]
    NotActive(#[from] NotActive),
    /// The account's product is not known here yet.
    #[error(transparent)]
    NoProduct(#[from] NoProduct),
    /// They were changed since they were read.
    #[error(transparent)]
    Etag(#[from] EtagError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(UpdateError {
    Self::Misfit(e) => e, Self::Missing(e) => e, Self::NotActive(e) => e, Self::NoProduct(e) => e, Self::Etag(e) => e,
    Self::Store(e) => e,
});

/// Whether the values fit the product of the account, as far as both are there: what comes before the caller's right.
///
/// # Errors
/// Values do not fit, or the store fails.
pub async fn fits(store: &dyn Store, command: &UpdateSettings) -> Result<(), UpdateError> {
    let mut read = store.read(Reach::Account(command.account)).await?;
    let Some(account) = read.find_account(command.account).await? else {
        return Ok(());
    };
    let Some(product) = read.find_product(&account.product).await? else {
        return Ok(());
    };
    Ok(check(&product, "values", &command.values)?)
}

/// Sets them. The answer has all values, the version and the token of the write.
///
/// # Errors
/// See [`UpdateError`].
pub async fn update(
    store: &dyn Store,
    _: &Authorized,
    command: UpdateSettings,
) -> Result<(Values, u64, Token), UpdateError> {
    let mut write = store.write(command.account).await?;
    let account = write.lock_account(command.account).await?.ok_or(Missing)?;
    account.ensure_active()?;
    let product = write.find_product(&account.product).await?.ok_or(NoProduct)?;
    check(&product, "values", &command.values)?;
    let mut settings = write.find_settings(command.account).await?;
    command.etag.check(settings.version)?;
    settings.set(command.values);
    settings.version += 1;
    write.put_settings(&settings).await?;
    write.emit(Event::Settings(settings.clone()));
    let token = write.commit().await?;
    Ok((shown(&settings, Some(&product)), settings.version, token))
}
