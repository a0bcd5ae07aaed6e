//! Requests that a client may repeat (AIP-155): what each made is kept with what it made, in one transaction.

use async_trait::async_trait;
use bailiwick_types::{Caller, Code, Fault, Reason, Timestamp, Token};
use uuid::Uuid;

use crate::store::StoreError;

/// A client's own id for a request, bound to the client and to what it asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Who asked.
    pub caller: String,
    /// The client's id.
    pub id: Uuid,
    /// The use case and all that was asked of it, digested.
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

/// What a request made.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What was asked, digested.
    pub digest: String,
    /// The answer, as JSON.
    pub answer: serde_json::Value,
    /// The token of the write.
    pub token: Token,
}

/// The request id was used for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request id was used for another request")]
pub struct Reused;

impl Fault for Reused {
    fn code(&self) -> Code {
        Code::AlreadyExists
    }
    fn reason(&self) -> Reason {
        Reason::RequestIdReused
    }
}

/// Reads what requests made.
#[async_trait]
pub trait Reader {
    /// What a caller's request made.
    ///
    /// # Errors
    /// The database fails.
    async fn find_request(&mut self, caller: &str, id: Uuid) -> Result<Option<Record>, StoreError>;
}

/// Keeps what requests made.
#[async_trait]
pub trait Writer {
    /// Keeps what a request made; the token is that of this write.
    ///
    /// # Errors
    /// The database fails, or the same request is being answered at the same time ([`StoreError::Conflict`]).
    async fn record_request(
        &mut self,
        key: &RequestKey,
        answer: serde_json::Value,
        at: Timestamp,
    ) -> Result<(), StoreError>;
}

/// The answer of an earlier request of the same key.
pub(crate) async fn earlier<T: serde::de::DeserializeOwned>(
    reader: &mut (dyn crate::store::Read + Send),
    key: Option<&RequestKey>,
) -> Result<Option<(T, Token)>, EarlierError> {
    let Some(key) = key else { return Ok(None) };
    let Some(record) = reader.find_request(&key.caller, key.id).await? else {
        return Ok(None);
    };
    if record.digest != key.digest {
        return Err(Reused.into());
    }
    let answer = serde_json::from_value(record.answer)
        .map_err(|error| StoreError::Internal(format!("requests.answer of {}: {error}", key.id).into()))?;
    Ok(Some((answer, record.token)))
}

/// Keeps an answer for a repetition of its request.
pub(crate) async fn keep<T: serde::Serialize + Sync>(
    writer: &mut (dyn crate::store::Write + Send),
    key: Option<&RequestKey>,
    answer: &T,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(key) = key else { return Ok(()) };
    let answer = serde_json::to_value(answer).map_err(|error| StoreError::Internal(error.into()))?;
    writer.record_request(key, answer, at).await
}

/// Why an earlier answer could not be given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EarlierError {
    #[error(transparent)]
    Reused(#[from] Reused),
    #[error(transparent)]
    Store(#[from] StoreError),
}
