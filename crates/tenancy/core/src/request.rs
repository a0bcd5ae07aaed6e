//! Requests that a client may repeat (AIP-155): the answer to each is kept in the transaction that makes the
//! resource.

use async_trait::async_trait;
use bailiwick_types::{Caller, StoreError, Timestamp, Token};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Precondition, store::Write};

/// A client's own id for a request, bound to the client and to the content of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The subject of the client.
    pub caller: String,
    /// The client's id.
    pub id: Uuid,
    /// A digest of the method and the message.
    pub digest: String,
}

impl RequestKey {
    /// The key of a request with an id.
    #[must_use]
    pub fn of(caller: &Caller, id: Option<Uuid>, digest: String) -> Option<Self> {
        let caller = caller.subject().map_or_else(String::new, ToString::to_string);
        id.map(|id| Self { caller, id, digest })
    }
}

/// The kept answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The digest of the request.
    pub digest: String,
    /// The answer, as JSON.
    pub answer: serde_json::Value,
    /// The token of the write.
    pub token: Token,
}

/// Reads answers. They belong to their callers and not to an account: a request that creates an account has
/// none yet.
#[async_trait]
pub trait Reader: Send {
    /// The answer to a caller's request.
    ///
    /// # Errors
    /// The database fails.
    async fn find_request(&mut self, caller: &str, id: Uuid) -> Result<Option<Record>, StoreError>;
}

/// Keeps answers.
#[async_trait]
pub trait Writer: Send {
    /// Keeps the answer to a request, with the token of this write.
    ///
    /// # Errors
    /// The database fails, or the same request is being answered concurrently ([`StoreError::Conflict`]).
    async fn record_request(
        &mut self,
        key: &RequestKey,
        answer: serde_json::Value,
        at: Timestamp,
    ) -> Result<(), StoreError>;
}

/// The answer to an earlier request with the same key.
pub(crate) async fn earlier<T, E>(
    reader: &mut dyn Reader,
    key: Option<&RequestKey>,
) -> Result<Option<(T, Token)>, E>
where
    T: DeserializeOwned,
    E: From<Precondition> + From<StoreError>,
{
    let Some(key) = key else { return Ok(None) };
    let Some(record) = reader.find_request(&key.caller, key.id).await? else {
        return Ok(None);
    };
    if record.digest != key.digest {
        return Err(Precondition::RequestIdReused.into());
    }
    let answer = serde_json::from_value(record.answer)
        .map_err(|error| StoreError::internal(format!("answer of request {}: {error}", key.id)))?;
    Ok(Some((answer, record.token)))
}

/// Keeps the answer, where the request may be repeated, and commits.
pub(crate) async fn commit<T: Serialize>(
    mut write: Box<dyn Write>,
    key: Option<&RequestKey>,
    answer: T,
    at: Timestamp,
) -> Result<(T, Token), StoreError> {
    if let Some(key) = key {
        let json = serde_json::to_value(&answer).map_err(|error| StoreError::internal(error.to_string()))?;
        write.record_request(key, json, at).await?;
    }
    let token = write.commit().await?;
    Ok((answer, token))
}
