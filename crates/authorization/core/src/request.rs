//! Requests that a client may send again: the answer of the first one is kept beside what it wrote.

use async_trait::async_trait;
use bailiwick_types::{ScopeRoot, Timestamp};

use crate::StoreError;

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The method.
    pub method: String,
    /// A digest of what was asked.
    pub digest: String,
    /// What was made.
    pub response: String,
}

/// Reads answered requests.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The answer to a request id.
    async fn answered(&self, root: &ScopeRoot, request_id: &str) -> Result<Option<Answered>, StoreError>;
}

/// Writes answered requests.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Keeps the answer to a request id.
    async fn keep_answer(
        &mut self,
        root: &ScopeRoot,
        request_id: &str,
        answer: &Answered,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
