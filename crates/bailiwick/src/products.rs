//! The product manifests in the binary.

const SHIPPED: &[(&str, &str)] = &[
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

/// The manifest of a shipped product.
pub(crate) fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The names of the shipped products.
pub(crate) fn names() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}
