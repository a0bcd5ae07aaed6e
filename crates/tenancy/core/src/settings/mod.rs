//! Settings of accounts, of the types that their products declare.

pub mod get;
pub mod update;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bailiwick_types::{AccountId, SettingType, StoreError, Violations};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::product::Product;

/// The greatest size of the values of one write: they are read with every policy that is compiled.
const SIZE_MAX: usize = 64 * 1024;

/// The declaration of a setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decl {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: SettingType,
    /// Its value until the account sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The greatest number, or the greatest length of a text or list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

/// Values by name.
pub type Values = BTreeMap<String, Value>;

/// The settings that an account has set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The account.
    pub account: AccountId,
    /// Their version; 0 before the first write.
    pub version: u64,
    /// The values.
    pub values: Values,
}

impl Settings {
    /// The settings of an account that has set none.
    #[must_use]
    pub fn none(account: AccountId) -> Self {
        Self {
            account,
            version: 0,
            values: Values::new(),
        }
    }
    /// The values that the account has set, and the product's defaults for the others.
    #[must_use]
    pub fn with_defaults(&self, product: &Product) -> Values {
        let defaults = product.settings.iter().filter_map(|(name, decl)| {
            let default = decl.default.clone()?;
            Some((name.clone(), default))
        });
        // A setting that the product no longer declares is left out.
        let own = self
            .values
            .iter()
            .filter(|(name, _)| product.settings.contains_key(*name));
        let mut values: Values = defaults.collect();
        values.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        values
    }
    /// Sets some values; null removes one.
    pub fn set(&mut self, values: Values) {
        for (name, value) in values {
            if value.is_null() {
                self.values.remove(&name);
            } else {
                self.values.insert(name, value);
            }
        }
    }
}

/// Checks values against the product's settings; `field` is the request's field that holds them.
///
/// # Errors
/// All values that do not fit.
pub fn check(product: &Product, field: &str, values: &Values) -> Result<(), Violations> {
    let mut violations = Violations::new();
    let size: usize = values
        .iter()
        .map(|(name, value)| name.len() + value.to_string().len())
        .sum();
    if size > SIZE_MAX {
        violations.add(field, format!("must have at most {SIZE_MAX} bytes"));
    }
    for (name, value) in values {
        let at = format!("{field}.{name}");
        match product.settings.get(name) {
            None => violations.add(at, format!("is not a setting of `{}`", product.name)),
            Some(_) if value.is_null() => {}
            Some(decl) => {
                if let Err(rule) = decl.kind.check(decl.max, value) {
                    violations.add(at, rule);
                }
            }
        }
    }
    violations.check()
}

/// Reads the settings of an account.
#[async_trait]
pub trait Reader: Send {
    /// The settings.
    ///
    /// # Errors
    /// The database fails.
    async fn find_settings(&mut self) -> Result<Settings, StoreError>;
}

/// Stores the settings of an account.
#[async_trait]
pub trait Writer: Send {
    /// Replaces the settings.
    ///
    /// # Errors
    /// The database fails, or they are another account's.
    async fn put_settings(&mut self, settings: &Settings) -> Result<(), StoreError>;
}
