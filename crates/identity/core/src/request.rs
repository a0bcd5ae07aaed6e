//! Requests that are known again (AIP-155): the same id with the same content answers as the first did.

use std::{fmt, str::FromStr};

use bailiwick_types::Caller;
use uuid::Uuid;

use crate::secret::Digest;

/// A client's own UUID for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(Uuid);

/// A text that is no request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID")]
pub struct RequestIdError;

impl FromStr for RequestId {
    type Err = RequestIdError;
    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        match Uuid::parse_str(text) {
            Ok(id) if !id.is_nil() => Ok(Self(id)),
            _ => Err(RequestIdError),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Under what a request is known again: its caller, its method and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// SHA-256 of the three.
    pub key: Digest,
    /// What the request asked for. Passwords are not in it: they are compared by their slow hash.
    pub content: Digest,
}

impl RequestKey {
    /// The key of a request.
    #[must_use]
    pub fn new(caller: &Caller, method: &'static str, id: RequestId, content: &[&str]) -> Self {
        let subject = caller.subject().map_or("", |s| s.as_str());
        Self {
            key: Digest::of_parts(&[subject, method, &id.to_string()]),
            content: Digest::of_parts(content),
        }
    }
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What it asked for.
    pub content: Digest,
    /// The id of what it made.
    pub made: String,
}
