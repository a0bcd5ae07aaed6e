//! What is kept for a while: answered requests and failed sign-ins.

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::Timestamp;

use super::StoreError;
use crate::{
    email::EmailKey,
    request::{Answered, RequestKey},
};

/// Reads answered requests.
#[async_trait]
pub trait RequestReader {
    /// What a request was answered with.
    ///
    /// # Errors
    /// The store does not answer.
    async fn answered(&self, request: &RequestKey) -> Result<Option<Answered>, StoreError>;
}

/// Records answered requests.
#[async_trait]
pub trait RequestWriter {
    /// Records a request with the id of what it made.
    ///
    /// # Errors
    /// [`StoreError::RequestRecorded`] where it was recorded already.
    async fn record_request(
        &mut self,
        request: &RequestKey,
        made: &str,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// Removes requests that were recorded before an instant.
    ///
    /// # Errors
    /// The store does not answer.
    async fn purge_requests(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}

/// Failed sign-ins for one address since the first of them in the present window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the window began.
    pub since: Timestamp,
}

/// Reads failed sign-ins. They are counted by the address that was typed, whether or not a user has it.
#[async_trait]
pub trait AttemptReader {
    /// What is counted for an address, however old.
    ///
    /// # Errors
    /// The store does not answer.
    async fn failures(&self, email: &EmailKey) -> Result<Option<Failures>, StoreError>;
}

/// Counts failed sign-ins.
#[async_trait]
pub trait AttemptWriter {
    /// What is counted for an address, as the unit sees it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn failures_now(&mut self, email: &EmailKey) -> Result<Option<Failures>, StoreError>;
    /// Counts a failure. One that comes after the window begins a new one.
    ///
    /// # Errors
    /// The store does not answer.
    async fn count_failure(
        &mut self,
        email: &EmailKey,
        window: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// Forgets what is counted.
    ///
    /// # Errors
    /// The store does not answer.
    async fn clear_failures(&mut self, email: &EmailKey) -> Result<(), StoreError>;
    /// Removes windows that began before an instant.
    ///
    /// # Errors
    /// The store does not answer.
    async fn purge_failures(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}
