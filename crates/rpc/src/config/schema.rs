//! What the schema of a configuration says about a key.

use serde_json::{Map, Value};

/// A node of a JSON schema, or several that may apply.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    root: &'a Value,
    options: Vec<&'a Map<String, Value>>,
}

/// What a text has to become before it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Other,
}

impl<'a> Node<'a> {
    /// The root of a schema.
    pub(super) fn root(root: &'a Value) -> Self {
        Self::at(root, root)
    }

    fn at(root: &'a Value, value: &'a Value) -> Self {
        let mut options = Vec::new();
        collect(root, value, &mut options, 0);
        Self { root, options }
    }

    /// The node of a key; none where the schema has no such key.
    pub(super) fn key(&self, name: &str) -> Option<Self> {
        let mut found = Vec::new();
        for option in &self.options {
            let named = option.get("properties").and_then(|p| p.get(name));
            let others = option
                .get("additionalProperties")
                .filter(|o| **o != Value::Bool(false));
            if let Some(value) = named.or(others) {
                collect(self.root, value, &mut found, 0);
                if found.is_empty() {
                    // `true`: whatever comes.
                    found.push(option);
                }
            }
        }
        (!found.is_empty()).then_some(Self {
            root: self.root,
            options: found,
        })
    }

    /// The node of the members of a list.
    pub(super) fn items(&self) -> Option<Self> {
        let items = self.options.iter().find_map(|o| o.get("items"))?;
        Some(Self::at(self.root, items))
    }

    /// Whether the keys below are known at all: a map of anything has none that are unknown.
    pub(super) fn is_table(&self) -> bool {
        self.options
            .iter()
            .any(|o| o.contains_key("properties") || o.contains_key("additionalProperties"))
    }

    /// The names of the keys.
    pub(super) fn names(&self) -> Vec<&'a str> {
        self.options
            .iter()
            .filter_map(|o| o.get("properties").and_then(Value::as_object))
            .flat_map(|p| p.keys().map(String::as_str))
            .collect()
    }

    /// What a text has to become.
    pub(super) fn kind(&self) -> Kind {
        let list = |o: &&Map<String, Value>| match o.get("type") {
            Some(Value::String(one)) => one == "array",
            Some(Value::Array(several)) => several.iter().any(|t| t == "array"),
            _ => false,
        };
        if self.options.iter().any(list) {
            Kind::List
        } else {
            Kind::Other
        }
    }
}

/// Follows references and alternatives down to schemas of their own.
fn collect<'a>(root: &'a Value, value: &'a Value, into: &mut Vec<&'a Map<String, Value>>, depth: usize) {
    let Some(map) = value.as_object() else { return };
    if depth > 16 {
        return;
    }
    if let Some(reference) = map.get("$ref").and_then(Value::as_str)
        && let Some(pointer) = reference.strip_prefix('#')
        && let Some(target) = root.pointer(pointer)
    {
        collect(root, target, into, depth + 1);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for option in map.get(word).and_then(Value::as_array).into_iter().flatten() {
            collect(root, option, into, depth + 1);
        }
    }
    if ["type", "properties", "items", "enum", "additionalProperties"]
        .iter()
        .any(|word| map.contains_key(*word))
    {
        into.push(map);
    }
}
