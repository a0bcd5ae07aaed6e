//! Named values as they are stored.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    codec::{DecodeError, Reader, Writer},
    value::{ValueType, Values},
};

/// An object of JSON as it is stored, in a canonical form: equal objects have equal texts. Empty where
/// nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Json(Arc<str>);

impl Json {
    pub(crate) fn new(values: &Map<String, Value>) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let sorted: BTreeMap<&String, &Value> = values.iter().collect();
        // Keys are texts, so writing cannot fail.
        Self(serde_json::to_string(&sorted).unwrap_or_default().into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn values(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Types the values one by one; those that are not declared or do not fit their type are left out, so
    /// that a condition on them does not match.
    pub(crate) fn typed(&self, declared: impl Fn(&str) -> Option<ValueType>) -> Values {
        let values = self.values();
        let typed = |(name, value)| Some((String::as_str(name), declared(name)?.read(value)?));
        values.iter().filter_map(typed).collect()
    }

    pub(crate) fn weight(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn encode(&self, to: &mut Writer) {
        to.text(&self.0);
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let text = from.text()?;
        if !text.is_empty() {
            let object = serde_json::from_str::<BTreeMap<String, serde_json::Value>>(text);
            object.map_err(|_| DecodeError::Malformed)?;
        }
        Ok(Self(text.into()))
    }
}
