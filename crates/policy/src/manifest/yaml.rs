//! YAML as a tree in which every key and value has its position: manifests and scenario files are read from
//! it.
//!
//! Duplicated keys are kept, so that a reader can report them with all other faults of a file.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

/// A place in a file; lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: u64,
    /// Column, in characters.
    pub column: u64,
}

impl Position {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

/// A value and its position.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// The value.
    pub kind: Kind,
}

/// A value. Maps keep the order of the file.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the variants are those of YAML")]
pub enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map and its position.
#[derive(Debug, Clone)]
pub struct Key {
    /// Where it begins.
    pub at: Position,
    /// The key.
    pub text: String,
}

/// Reads a document of YAML 1.2.
///
/// # Errors
/// What is not YAML, and where.
pub fn read(text: &str) -> Result<Node, (Position, String)> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        // YAML 1.2: `y`, `no` and `on` are texts.
        strict_booleans: true,
        legacy_octal_numbers: false,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map_or(Position::START, Position::from);
        (at, error.to_string())
    })
}

impl Kind {
    /// The name of its type, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The entries of a map; none of another value.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key of a map, the first where the key is duplicated.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        let mut entries = self.entries().iter();
        entries.find(|(k, _)| k.text == key).map(|(_, value)| value)
    }

    /// The value as JSON, without positions.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(b) => (*b).into(),
            Self::Int(n) => (*n).into(),
            Self::Float(n) => (*n).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(|item| item.kind.to_json()).collect(),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text.clone(), value.kind.to_json()))
                .collect(),
        }
    }
}

/// In flow style on one line.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._:@-/+".contains(c))
        };
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(text) if plain(text) => f.write_str(text),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.kind.to_string()).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Map(entries) => {
                let entry = |(key, value): &(Key, Node)| format!("{}: {}", key.text, value.kind);
                let entries: Vec<_> = entries.iter().map(entry).collect();
                write!(f, "{{{}}}", entries.join(", "))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Self {
            at: spanned.referenced.into(),
            kind: spanned.value,
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

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }
    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }
    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(b))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Kind, E> {
        Ok(Kind::Int(n))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Kind, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "no file has such a number; it is refused where a whole one is expected"
        )]
        Ok(i64::try_from(n).map_or(Kind::Float(n as f64), Kind::Int))
    }
    fn visit_f64<E>(self, n: f64) -> Result<Kind, E> {
        Ok(Kind::Float(n))
    }
    fn visit_str<E>(self, text: &str) -> Result<Kind, E> {
        Ok(Kind::Text(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Kind, E> {
        Ok(Kind::Text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Kind::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Kind::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_keep_the_order_of_the_file_with_the_position_of_each_key_and_value() {
        let node = read("b: {z: 1, a: [true, \"x y\"]}\na: ~\n").expect("a document");
        let keys: Vec<_> = node
            .kind
            .entries()
            .iter()
            .map(|(key, _)| (key.text.as_str(), key.at))
            .collect();
        let at = |line, column| Position { line, column };
        assert_eq!(keys, [("b", at(1, 1)), ("a", at(2, 1))]);
        let (key, value) = &node.kind.entries()[0].1.kind.entries()[1];
        assert_eq!((key.text.as_str(), key.at, value.at), ("a", at(1, 11), at(1, 14)));
        assert_eq!(node.kind.to_string(), "{b: {z: 1, a: [true, \"x y\"]}, a: null}");
    }

    #[test]
    fn a_word_that_older_yaml_took_for_a_truth_value_is_text() {
        let node = read("on: no\n").expect("a document");
        assert_eq!(node.kind.to_json(), serde_json::json!({"on": "no"}));
    }

    #[test]
    fn duplicated_keys_are_kept_with_their_positions() {
        let node = read("a: 1\na: 2\n").expect("a document");
        let lines: Vec<_> = node.kind.entries().iter().map(|(key, _)| key.at.line).collect();
        assert_eq!(lines, [1, 2]);
    }

    #[test]
    fn a_document_that_is_not_yaml_is_refused_with_its_position() {
        let (at, message) = read("a: 1\nb: [1,\nc: 2\n").expect_err("broken");
        assert!(at.line > 1, "{message}");
    }
}
