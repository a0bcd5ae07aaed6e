//! `google.protobuf.Struct` as JSON.

use prost_types::{Struct, Value, value::Kind};
use serde_json::{Map, Value as Json};

/// The deepest nesting that is read.
const DEPTH: usize = 8;

/// Reads a struct; `None` where it nests too deep or has a number that JSON cannot represent.
pub(crate) fn map_of(given: &Struct) -> Option<Map<String, Json>> {
    map_at(given, 0)
}

fn map_at(given: &Struct, depth: usize) -> Option<Map<String, Json>> {
    if depth > DEPTH {
        return None;
    }
    given
        .fields
        .iter()
        .map(|(name, value)| Some((name.clone(), json_of(value, depth)?)))
        .collect()
}

fn json_of(value: &Value, depth: usize) -> Option<Json> {
    match value.kind.as_ref()? {
        Kind::NullValue(_) => Some(Json::Null),
        Kind::NumberValue(number) => serde_json::Number::from_f64(*number).map(Json::Number),
        Kind::StringValue(text) => Some(Json::String(text.clone())),
        Kind::BoolValue(value) => Some(Json::Bool(*value)),
        Kind::StructValue(fields) => map_at(fields, depth + 1).map(Json::Object),
        Kind::ListValue(list) if depth < DEPTH => list
            .values
            .iter()
            .map(|item| json_of(item, depth + 1))
            .collect::<Option<Vec<Json>>>()
            .map(Json::Array),
        Kind::ListValue(_) => None,
    }
}
