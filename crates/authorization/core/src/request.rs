//! Requests that a client may send again: the answer of the first one is kept beside what it wrote.

use std::str::FromStr;

use async_trait::async_trait;
use bailiwick_types::{ScopeRoot, Timestamp};

use crate::{Error, Precondition, StoreError, Work};

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

/// A request that can be recognized when its client repeats it.
#[derive(Debug)]
pub(crate) struct Repeatable<'r> {
    /// The id that the client gave it; without one it is never recognized.
    pub(crate) id: Option<&'r str>,
    /// A digest of its content.
    pub(crate) digest: String,
}

impl Repeatable<'_> {
    /// What the request made when it was sent before, if it was.
    pub(crate) async fn made<T>(&self, work: &Work) -> Result<Option<T>, Error>
    where
        T: FromStr,
    {
        let Some(id) = self.id else { return Ok(None) };
        let Some(answered) = work.unit.answered(&work.root(), id).await? else {
            return Ok(None);
        };
        let same = answered.method == work.action && answered.digest == self.digest;
        let made = answered.response.parse().ok().filter(|_| same);
        Ok(Some(made.ok_or(Precondition::RequestIdReused)?))
    }
    /// Keeps what the request made, for its repetitions.
    pub(crate) async fn keep(self, work: &mut Work, made: impl ToString) -> Result<(), StoreError> {
        let Some(id) = self.id else { return Ok(()) };
        let answer = Answered {
            method: work.action.to_owned(),
            digest: self.digest,
            response: made.to_string(),
        };
        let (root, now) = (work.root(), work.now);
        work.unit.keep_answer(&root, id, &answer, now).await
    }
}
