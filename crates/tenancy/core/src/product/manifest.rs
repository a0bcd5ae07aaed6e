//! Reads the fields of a manifest's canonical JSON that tenancy needs.

use std::collections::BTreeMap;

use bailiwick_types::{Level, ProductName, SourceVersion};
use serde::Deserialize;

use crate::{product::Product, settings::Decl};

/// Error for a manifest that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Its JSON is not that of a manifest.
    #[error("cannot read the manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// It is for another product.
    #[error("the manifest is for product `{found}`, not for `{expected}`")]
    Name {
        /// The product of the event.
        expected: ProductName,
        /// The product in the manifest.
        found: ProductName,
    },
}

#[derive(Deserialize)]
struct Json {
    product: ProductName,
    #[serde(default)]
    levels: BTreeMap<Level, LevelJson>,
    #[serde(default)]
    settings: BTreeMap<String, Decl>,
    #[serde(default)]
    roles: BTreeMap<String, RoleJson>,
}

#[derive(Deserialize)]
struct LevelJson {
    #[serde(default)]
    editions: Vec<String>,
}

#[derive(Deserialize)]
struct RoleJson {
    #[serde(default)]
    holders: Option<HoldersJson>,
    #[serde(default)]
    #[expect(
        clippy::zero_sized_map_values,
        reason = "a JSON object whose values are ignored"
    )]
    levels: BTreeMap<Level, serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct HoldersJson {
    #[serde(default)]
    exactly: Option<u32>,
}

/// Reads a product from the canonical JSON of its manifest.
///
/// # Errors
/// It cannot be read.
pub fn parse(name: &ProductName, version: SourceVersion, manifest: &str) -> Result<Product, ManifestError> {
    let json: Json = serde_json::from_str(manifest)?;
    if json.product != *name {
        return Err(ManifestError::Name {
            expected: name.clone(),
            found: json.product,
        });
    }
    let single = |role: &RoleJson| {
        role.holders.as_ref().is_some_and(|h| h.exactly == Some(1))
            && role.levels.contains_key(&Level::Account)
    };
    let mut levels = json.levels;
    Ok(Product {
        name: json.product,
        version,
        owned: json.roles.values().any(single),
        workspaces: levels.contains_key(&Level::Workspace),
        instances: levels.remove(&Level::Instance).map(|level| level.editions),
        settings: json.settings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_editions_settings_and_single_owners_are_read_and_the_rest_is_ignored() {
        let manifest = r#"{"product": "shop", "levels": {"account": {"title": "Account"},
            "instance": {"editions": ["chs", "ehs"]}}, "types": {"x": {"verbs": ["view"]}},
            "settings": {"allowed_domains": {"type": "domains", "max": 15}, "strict": {"type": "bool", "default": true}},
            "roles": {"owner": {"holders": {"exactly": 1}, "levels": {"account": {"permissions": ["*"]}}}}}"#;
        let name = "shop".parse().unwrap();
        let product = parse(&name, SourceVersion::default(), manifest).unwrap();
        assert_eq!(
            product.instances.as_deref(),
            Some(&["chs".to_owned(), "ehs".to_owned()][..])
        );
        assert!(!product.workspaces && product.owned);
        assert_eq!(product.settings.len(), 2);
        assert!(product.check_edition("chs").is_ok());
        for bad in ["", "xyz"] {
            let violations = product.check_edition(bad).unwrap_err();
            assert_eq!(violations.as_slice()[0].field, "edition");
        }
        assert!(product.check_workspaces().is_err());
        assert!(parse(&"other".parse().unwrap(), SourceVersion::default(), manifest).is_err());
    }
}
