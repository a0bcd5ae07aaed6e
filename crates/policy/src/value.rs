//! Values of attributes and parameters.

use bailiwick_types::{Subject, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{PlaceId, ids::subject_of};

bailiwick_types::words! {
    /// The type of an attribute or parameter, as a manifest writes it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ValueType {
        /// `true` or `false`.
        Bool = "bool",
        /// A whole number of 64 bits.
        Int = "int",
        /// A text.
        String = "string",
        /// An opaque subject id with a subject type (`user` where none is written).
        Subject = "subject",
        /// An instant, RFC 3339.
        Timestamp = "timestamp",
        /// An account, instance or workspace (`account:ID`, `instance:ID`, `workspace:ID`).
        Scope = "scope",
        /// Texts.
        StringList = "string_list",
        /// Whole numbers.
        IntList = "int_list",
        /// Subjects.
        SubjectList = "subject_list",
        /// Scopes.
        ScopeList = "scope_list",
    }
}

impl ValueType {
    /// The type of the elements of a list type.
    #[must_use]
    pub fn element(self) -> Option<Self> {
        match self {
            Self::StringList => Some(Self::String),
            Self::IntList => Some(Self::Int),
            Self::SubjectList => Some(Self::Subject),
            Self::ScopeList => Some(Self::Scope),
            _ => None,
        }
    }

    /// The type of lists of this type.
    #[must_use]
    pub fn list(self) -> Option<Self> {
        match self {
            Self::String => Some(Self::StringList),
            Self::Int => Some(Self::IntList),
            Self::Subject => Some(Self::SubjectList),
            Self::Scope => Some(Self::ScopeList),
            _ => None,
        }
    }

    /// Reads a JSON value as this type; `None` where it is not one.
    #[must_use]
    pub fn read(self, json: &serde_json::Value) -> Option<Value> {
        use serde_json::Value as Json;
        match (self, json) {
            (Self::Bool, Json::Bool(b)) => Some(Value::Bool(*b)),
            // Numbers arrive as doubles from `google.protobuf.Struct`.
            (Self::Int, Json::Number(n)) => n.as_i64().or_else(|| whole(n.as_f64()?)).map(Value::Int),
            (Self::String, Json::String(s)) => Some(Value::Text(s.as_str().into())),
            (Self::Subject, Json::String(s)) => subject_of(s).map(Value::Subject),
            (Self::Timestamp, Json::String(s)) => Timestamp::parse(s).ok().map(Value::Time),
            (Self::Scope, Json::String(s)) => s
                .parse::<bailiwick_types::Scope>()
                .ok()
                .map(|scope| Value::Place(PlaceId::from(&scope))),
            (_, Json::Array(items)) => {
                let element = self.element()?;
                let items: Option<Box<[Value]>> = items.iter().map(|item| element.read(item)).collect();
                items.map(Value::List)
            }
            _ => None,
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    fits.then_some(number as i64)
}

/// A value of an attribute or parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(Box<str>),
    /// A subject.
    Subject(Subject),
    /// An instant.
    Time(Timestamp),
    /// An account, instance or workspace.
    Place(PlaceId),
    /// Values of one type.
    List(Box<[Value]>),
}

impl Value {
    /// Tells whether the value is of the type.
    #[must_use]
    pub fn is(&self, kind: ValueType) -> bool {
        match (self, kind) {
            (Self::Bool(_), ValueType::Bool)
            | (Self::Int(_), ValueType::Int)
            | (Self::Text(_), ValueType::String)
            | (Self::Subject(_), ValueType::Subject)
            | (Self::Time(_), ValueType::Timestamp)
            | (Self::Place(_), ValueType::Scope) => true,
            (Self::List(items), kind) => kind
                .element()
                .is_some_and(|element| items.iter().all(|item| item.is(element))),
            _ => false,
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Subject(subject) => subject.as_str().len(),
            Self::List(items) => size_of_val(&**items) + items.iter().map(Self::weight).sum::<usize>(),
            _ => 0,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(truth) => truth.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Subject(subject) => subject.fmt(f),
            Self::Time(at) => at.fmt(f),
            Self::Place(place) => uuid::Uuid::from_u128(place.0).fmt(f),
            Self::List(items) => {
                f.write_str("[")?;
                for (n, item) in items.iter().enumerate() {
                    let gap = if n == 0 { "" } else { ", " };
                    write!(f, "{gap}{item}")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// Named values: the attributes of a resource or request, or the parameters of a binding or grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Values(Box<[(Box<str>, Value)]>);

impl Values {
    /// Looks a value up by name.
    #[inline]
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        // There are few of them: going through beats searching.
        self.0
            .iter()
            .find(|(key, _)| &**key == name)
            .map(|(_, value)| value)
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lists them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of_val(&*self.0)
            + self
                .0
                .iter()
                .map(|(name, value)| name.len() + value.weight())
                .sum::<usize>()
    }
}

impl<S: Into<Box<str>>> FromIterator<(S, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (S, Value)>>(values: I) -> Self {
        let mut values: Vec<(Box<str>, Value)> = values.into_iter().map(|(k, v)| (k.into(), v)).collect();
        values.sort_by(|a, b| a.0.cmp(&b.0));
        values.dedup_by(|a, b| a.0 == b.0);
        Self(values.into())
    }
}
