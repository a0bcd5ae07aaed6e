//! Repeated requests (AIP-155): the same id with the same content is answered as the first one was.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use bailiwick_types::{Authorized, Method, StoreError, Timestamp, faults};
use uuid::Uuid;

use crate::{secret::Digest, store::Store};

/// A UUID that the client chose for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(Uuid);

/// Error for an invalid request id.
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

/// By which a request is recognized: its caller, its method and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// SHA-256 of the three.
    pub key: Digest,
    /// Digest of the request's content, without passwords: those are compared by their slow hash.
    pub content: Digest,
}

impl RequestKey {
    /// The key of a request.
    #[must_use]
    pub fn new<M: Method>(by: &Authorized<M>, id: RequestId, content: &[&str]) -> Self {
        let subject = by.subject().map_or("", |subject| subject.as_str());
        Self {
            key: Digest::of_parts(&[subject, by.action(), &id.to_string()]),
            content: Digest::of_parts(content),
        }
    }
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Digest of its content.
    pub content: Digest,
    /// The id of what it created.
    pub made: String,
}

/// Reads answered requests.
#[async_trait]
pub trait Reader {
    /// The record of a request.
    async fn answered(&self, request: &RequestKey) -> Result<Option<Answered>, StoreError>;
}

/// Records answered requests.
#[async_trait]
pub trait Writer {
    /// Records a request with the id of what it created; whether it was not recorded yet. Of two concurrent
    /// writes the second waits for the first.
    async fn record_request(
        &mut self,
        request: &RequestKey,
        made: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Removes requests that were recorded before an instant.
    async fn purge_requests(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}

faults! {
    /// Why a repeated request is not answered.
    RequestError: Store(StoreError);
    /// The request id was used with another content.
    Reused "the request id was used for another request" => AlreadyExists RequestIdReused;
}

/// The id of what the same request created before.
pub(crate) async fn made<Id: FromStr>(
    store: &dyn Store,
    request: Option<&RequestKey>,
) -> Result<Option<Id>, RequestError> {
    let Some(request) = request else { return Ok(None) };
    let Some(answered) = store.answered(request).await? else {
        return Ok(None);
    };
    if answered.content != request.content {
        return Err(RequestError::Reused);
    }
    match answered.made.parse() {
        Ok(id) => Ok(Some(id)),
        Err(_) => Err(lost(&answered.made).into()),
    }
}

/// The record of a request names something that does not exist.
pub(crate) fn lost(made: &impl fmt::Display) -> StoreError {
    StoreError::internal(format!(
        "`answered_request.made` names `{made}`, which does not exist"
    ))
}
