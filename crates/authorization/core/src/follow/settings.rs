//! Settings of an account were changed.

use std::collections::BTreeMap;

use bailiwick_types::{AccountId, ScopeRoot};
use serde_json::Value as Json;

use super::Refusal;
use crate::{Change, Write};

/// Settings as tenancy tells them.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsTold {
    /// The account.
    pub account: AccountId,
    /// Tenancy's version of them.
    pub version: u64,
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
    if account.settings_version >= told.version {
        return Ok(());
    }
    account.settings = told.values;
    account.settings_version = told.version;
    write.put_account(&account).await?;
    write.emit(ScopeRoot::Account(account.id), Change::Policy(Some(account.id)));
    Ok(())
}
