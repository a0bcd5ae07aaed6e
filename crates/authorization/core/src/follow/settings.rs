//! Settings of an account were changed.

use std::collections::BTreeMap;

use bailiwick_types::{AccountId, ScopeRoot, SourceVersion};
use serde_json::Value as Json;

use super::Refusal;
use crate::{Change, Write};

/// Settings as tenancy tells them.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsTold {
    /// The account.
    pub account: AccountId,
    /// Tenancy's version of them.
    pub version: SourceVersion,
    /// All that have a value of their own.
    pub values: BTreeMap<String, Json>,
}

/// Applies them.
///
/// # Errors
/// See [`Refusal`].
pub async fn settings_changed(write: &mut (impl Write + ?Sized), told: SettingsTold) -> Result<(), Refusal> {
    let Some(mut account) = write.account().await? else {
        return Err(Refusal::Content(
            "the account of the settings is not known".to_owned(),
        ));
    };
    if account.settings_version.covers(&told.version) {
        return Ok(());
    }
    account.settings = told.values;
    account.settings_version = told.version;
    write.put_account(&account).await?;
    write.emit(ScopeRoot::Account(account.id), Change::Policy(Some(account.id)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::Reader as _,
        memory::{EPOCH, World, account_id},
    };

    async fn tell(world: &World, epoch: &str, version: u64, domain: &str) -> Result<(), Refusal> {
        let told = SettingsTold {
            account: account_id(),
            version: SourceVersion::new(epoch, version),
            values: [("allowed_domains".to_owned(), vec![domain].into())].into(),
        };
        world
            .follow(async |write| settings_changed(write, told).await)
            .await
    }

    async fn domain(world: &World) -> String {
        let account = world.read().account().await.unwrap().unwrap();
        account.settings["allowed_domains"][0]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[tokio::test]
    async fn settings_change_what_decides_and_older_ones_change_nothing() {
        let world = World::new().await;
        tell(&world, EPOCH, 2, "new.example").await.unwrap();
        assert_eq!(domain(&world).await, "new.example");
        assert_eq!(world.told(), [Change::Policy(Some(account_id()))]);
        for version in [1, 2] {
            tell(&world, EPOCH, version, "old.example").await.unwrap();
        }
        assert_eq!(domain(&world).await, "new.example");
        assert_eq!(world.told().len(), 1);
        tell(&world, "restored", 1, "old.example").await.unwrap();
        assert_eq!(
            domain(&world).await,
            "old.example",
            "a restored tenancy counts from lower on"
        );
    }

    #[tokio::test]
    async fn settings_of_an_unknown_account_are_refused() {
        let world = World::new().await;
        world.memory.lock().rows.account = None;
        let refused = tell(&world, EPOCH, 1, "new.example").await;
        assert!(matches!(refused, Err(Refusal::Content(text)) if text.contains("account")));
    }
}
