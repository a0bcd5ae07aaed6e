//! Changes as bytes.

use bailiwick_proto::events::v1::{self as pb, change::Change};
use prost::Message;

/// Bytes that are no change, or one of a newer program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are no message of that type.
    #[error("it is no change: {0}")]
    Malformed(String),
    /// The kind of change is not known here.
    #[error("the kind of change is not known")]
    Unknown,
}

/// Writes a change.
#[must_use]
pub fn encode(change: Change) -> Vec<u8> {
    let message = pb::Change { change: Some(change) };
    message.encode_to_vec()
}

/// Reads a change as the message that the feed carries.
///
/// # Errors
/// The bytes are no change.
pub fn decode(bytes: &[u8]) -> Result<pb::Change, DecodeError> {
    pb::Change::decode(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))
}

/// Reads what changed.
///
/// # Errors
/// The bytes are no change, or one of a kind that is not known here.
pub fn change(bytes: &[u8]) -> Result<Change, DecodeError> {
    decode(bytes)?.change.ok_or(DecodeError::Unknown)
}
