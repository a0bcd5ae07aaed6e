//! Converts instants and JSON to and from well-known proto types.

use bailiwick_types::Timestamp;
use prost_types::{ListValue, Struct, value::Kind};
use serde_json::{Map, Number, Value};

/// An instant as a message.
#[must_use]
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.0.div_euclid(1_000_000),
        nanos: i32::try_from(at.0.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
    }
}

/// Values by name.
pub fn struct_of(values: impl IntoIterator<Item = (String, Value)>) -> Struct {
    let fields = values.into_iter().map(|(name, value)| (name, proto(value)));
    Struct {
        fields: fields.collect(),
    }
}

/// The values of a message by name.
#[must_use]
pub fn map_of(values: Struct) -> Map<String, Value> {
    values
        .fields
        .into_iter()
        .map(|(name, value)| (name, json(value)))
        .collect()
}

fn proto(value: Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(is) => Kind::BoolValue(is),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(list) => Kind::ListValue(ListValue {
            values: list.into_iter().map(proto).collect(),
        }),
        Value::Object(map) => Kind::StructValue(struct_of(map)),
    };
    prost_types::Value { kind: Some(kind) }
}

fn json(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(is)) => Value::Bool(is),
        Some(Kind::NumberValue(number)) => Value::Number(whole(number)),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(json).collect()),
        Some(Kind::StructValue(map)) => Value::Object(map_of(map)),
    }
}

/// The message has floating point numbers only; integral ones become integers again.
fn whole(number: f64) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and within the exact range"
    )]
    let integer = (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64);
    integer
        .map(Number::from)
        .or_else(|| Number::from_f64(number))
        .unwrap_or_else(|| Number::from(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        let values: Map<String, Value> = serde_json::from_value(json!({
            "a": 3, "b": -1.5, "c": [true, null, "x"], "d": {"e": "f"}
        }))
        .unwrap();
        assert_eq!(map_of(struct_of(values.clone())), values);
    }

    #[test]
    fn instants_before_1970_keep_their_fraction() {
        let at = timestamp(Timestamp(-1));
        assert_eq!((at.seconds, at.nanos), (-1, 999_999_000));
    }
}
