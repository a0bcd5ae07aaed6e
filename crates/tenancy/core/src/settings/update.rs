//! Sets some settings of an account.

use bailiwick_types::{
    Authorized, Refused, StoreError, Token, Violations, faults, method::tenancy::UpdateSettings,
};

use super::{Values, check, get::shown};
use crate::{Etag, Event, Precondition, Tenancy, account, audit::Record, product::Product};

/// The settings to set.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The values; null returns to the default.
    pub values: Values,
    /// The etag that was read.
    pub etag: Etag,
}

faults! {
    /// Why settings are not set.
    Error: Misfit(Violations), Refused(Refused), Precondition(Precondition), Store(StoreError);
}

impl Command {
    /// Checks the values against the product.
    ///
    /// # Errors
    /// All values that do not fit.
    pub fn check(&self, product: &Product) -> Result<(), Violations> {
        check(product, "values", &self.values)
    }
}

/// Sets the settings. The answer has all values, their version and the token of the write.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    tenancy: &Tenancy,
    by: &Authorized<UpdateSettings>,
    command: Command,
) -> Result<(Values, u64, Token), Error> {
    let handle = by.account_write().ok_or(Refused::Denied)?;
    let mut write = tenancy.store.write(handle).await?;
    let account = write.find_account().await?.ok_or(account::MISSING)?;
    account.ensure_active()?;
    let product = write.find_product(&account.product).await?;
    let product = product.ok_or(Precondition::ProductNotVisible)?;
    command.check(&product)?;
    let mut settings = write.find_settings().await?;
    command.etag.check(settings.version)?;
    let record = Record::of(by, account.scope()).changed_values(&settings.values, &command.values);
    settings.set(command.values);
    settings.version += 1;
    write.put_settings(&settings).await?;
    write.emit(Event::Settings(settings.clone()));
    write.audit(record);
    let token = write.commit().await?;
    Ok((shown(&settings, Some(&product)), settings.version, token))
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{Fault, Reason};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        State,
        memory::{self, World},
    };

    async fn update(world: &World, values: Value, etag: &str) -> Result<Value, Error> {
        let command = Command {
            values: serde_json::from_value(values).unwrap(),
            etag: Etag::of_request(etag),
        };
        let (values, ..) = run(&world.tenancy, &memory::operator(), command).await?;
        Ok(json!(values))
    }

    #[tokio::test]
    async fn null_returns_to_the_default() {
        let world = World::new();
        world.account();
        let set = update(&world, json!({"strict": false, "limit": 3}), "0")
            .await
            .unwrap();
        assert_eq!(set, json!({"strict": false, "limit": 3}));
        let set = update(&world, json!({"strict": null}), "1").await.unwrap();
        assert_eq!(set, json!({"strict": true, "limit": 3}));
    }

    #[tokio::test]
    async fn all_values_that_do_not_fit_are_refused_at_once() {
        let world = World::new();
        world.account();
        let large = "x".repeat(70_000);
        let refused = update(&world, json!({"limit": 11, "what": large}), "")
            .await
            .unwrap_err();
        let fields: Vec<_> = refused.violations().iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["values", "values.limit", "values.what"]);
    }

    #[tokio::test]
    async fn an_etag_of_another_version_is_refused() {
        let world = World::new();
        world.account();
        let refused = update(&world, json!({"limit": 1}), "7").await.unwrap_err();
        assert_eq!(refused.reason(), Reason::EtagMismatch);
    }

    #[tokio::test]
    async fn settings_of_a_missing_account_are_not_found() {
        let refused = update(&World::new(), json!({"limit": 1}), "").await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }

    #[tokio::test]
    async fn settings_of_a_suspended_account_are_not_set() {
        let world = World::new();
        world.account_with(|account| account.state = State::Suspended);
        let refused = update(&world, json!({"limit": 1}), "").await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotActive);
    }

    #[tokio::test]
    async fn a_product_that_is_not_replicated_is_waited_for() {
        let world = World::new();
        world.account_with(|account| account.product = "late".parse().unwrap());
        let refused = update(&world, json!({"limit": 1}), "").await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotYetVisible);
    }
}
