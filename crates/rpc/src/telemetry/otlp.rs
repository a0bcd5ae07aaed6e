//! Parts of OTLP messages that the exporters of metrics and of records share.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use tonic::transport::{Channel, Endpoint, Error};

/// How long a collector may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A channel to a collector, which connects at the first call.
///
/// # Errors
/// The address is invalid.
pub fn channel(endpoint: &str) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(endpoint.to_owned())?;
    Ok(endpoint.timeout(TIMEOUT).connect_lazy())
}

/// An attribute with a value.
#[must_use]
pub fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// An attribute with a text.
#[must_use]
pub fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}
