//! Reads the settings of an account.

use bailiwick_types::{Authorized, Refused, StoreError, faults, method::tenancy::GetSettings};

use super::{Settings, Values};
use crate::{Tenancy, account, product::Product};

faults! {
    /// Why settings are not read.
    Error: Refused(Refused), Store(StoreError);
}

/// Reads the settings, with the product's defaults, and their version.
///
/// # Errors
/// See [`Error`].
pub async fn run(tenancy: &Tenancy, by: &Authorized<GetSettings>) -> Result<(Values, u64), Error> {
    let mut read = tenancy.store.read(by.account().ok_or(Refused::Denied)?).await?;
    let account = read.find_account().await?.ok_or(account::MISSING)?;
    let settings = read.find_settings().await?;
    let product = read.find_product(&account.product).await?;
    Ok((shown(&settings, product.as_ref()), settings.version))
}

/// The values as callers see them.
pub(super) fn shown(settings: &Settings, product: Option<&Product>) -> Values {
    product.map_or_else(
        || settings.values.clone(),
        |product| settings.with_defaults(product),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::{self, World};

    #[tokio::test]
    async fn settings_have_the_product_s_defaults_until_they_are_set() {
        let world = World::new();
        world.account();
        let (values, version) = run(&world.tenancy, &memory::operator()).await.unwrap();
        assert_eq!((json!(values), version), (json!({"strict": true}), 0));
    }

    #[tokio::test]
    async fn settings_of_a_missing_account_are_not_found() {
        let refused = run(&World::new().tenancy, &memory::operator()).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }
}
