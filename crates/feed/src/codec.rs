//! Encodes and decodes changes.

use bailiwick_proto::events::v1::{self as pb, change::Change};
use prost::Message;

/// Why bytes cannot be decoded as a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are not a message of that type.
    #[error("cannot decode change: {0}")]
    Malformed(String),
    /// The kind of change is unknown: a newer program wrote it.
    #[error("unknown kind of change")]
    Unknown,
}

/// Encodes a change.
#[must_use]
pub fn encode(change: Change) -> Vec<u8> {
    let message = pb::Change { change: Some(change) };
    message.encode_to_vec()
}

/// Decodes the message that the feed carries.
///
/// # Errors
/// The bytes are not a change.
pub fn decode(bytes: &[u8]) -> Result<pb::Change, DecodeError> {
    pb::Change::decode(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))
}

/// Decodes a change.
///
/// # Errors
/// The bytes are not a change, or one of an unknown kind.
pub fn change(bytes: &[u8]) -> Result<Change, DecodeError> {
    decode(bytes)?.change.ok_or(DecodeError::Unknown)
}
