//! A YAML document with the place of everything in it, in the order written.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

use crate::fault::Position;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Position,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) at: Position,
}

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Node, (Position, String)> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map(Position::from).unwrap_or_default();
        let message = error.without_snippet().to_string();
        (at, message)
    })
}

impl Node {
    /// What kind of value it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            at: spanned.referenced.into(),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self {
            at: spanned.referenced.into(),
            text: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Text(value.to_string()), Value::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

/// In flow style, as a scenario writes it.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Text(text) if plain(text) => f.write_str(text),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Map(entries) => {
                f.write_str("{")?;
                for (at, (key, item)) in entries.iter().enumerate() {
                    write!(f, "{}{}: {item}", if at == 0 { "" } else { ", " }, key.text)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._:@-/+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read_in_the_order_written_with_the_place_of_each_key_and_value() {
        let node = read("b: {z: 1, a: [true, \"x y\"]}\na: ~\n").expect("a document");
        let Value::Map(entries) = &node.value else {
            panic!("a map")
        };
        let keys: Vec<_> = entries
            .iter()
            .map(|(k, _)| (k.text.as_str(), k.at.line, k.at.column))
            .collect();
        assert_eq!(keys, [("b", 1, 1), ("a", 2, 1)]);
        let Value::Map(inner) = &entries[0].1.value else {
            panic!("a map")
        };
        assert_eq!((inner[1].0.text.as_str(), inner[1].0.at.column), ("a", 11));
        assert_eq!((inner[1].1.at.line, inner[1].1.at.column), (1, 14));
        assert_eq!(node.to_string(), "{b: {z: 1, a: [true, \"x y\"]}, a: null}");
    }

    #[test]
    fn a_word_that_older_yaml_took_for_a_truth_value_is_text() {
        let node = read("on: no\n").expect("a document");
        assert_eq!(node.to_string(), "{on: no}");
        let Value::Map(entries) = &node.value else {
            panic!("a map")
        };
        assert!(matches!(&entries[0].1.value, Value::Text(text) if text == "no"));
    }

    #[test]
    fn a_document_that_is_no_yaml_is_refused_with_its_place() {
        let (at, message) = read("a: [1,\nb: 2\n").expect_err("broken");
        assert!(at.line >= 1, "{message}");
        let (at, message) = read("a: 1\na: 2\n").expect_err("a key twice");
        assert_eq!(at.line, 2, "{message}");
    }
}
