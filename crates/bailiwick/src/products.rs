//! The product manifests that are built into the binary.

use std::path::Path;

use bailiwick_scenario::Manifest;

const BUILT_IN: &[(&str, &str)] = &[
    (
        "e-satisfaction",
        include_str!("../../../products/e-satisfaction.yaml"),
    ),
    ("iservice", include_str!("../../../products/iservice.yaml")),
    (
        "one-question",
        include_str!("../../../products/one-question.yaml"),
    ),
    ("sogolytics", include_str!("../../../products/sogolytics.yaml")),
];

/// The manifest of a built-in product.
pub(crate) fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The names of the built-in products.
pub(crate) fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// The manifest of a product from a directory, or else the built-in one.
pub(crate) fn manifest(directory: Option<&Path>, product: &str) -> Option<Manifest> {
    let file = format!("{product}.yaml");
    let own = directory.and_then(|directory| std::fs::read_to_string(directory.join(&file)).ok());
    let text = own.or_else(|| built_in(product).map(str::to_owned))?;
    Some(Manifest { file, text })
}
