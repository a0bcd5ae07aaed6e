//! Runs a write to its end, also when its caller goes away.

use bailiwick_types::faults;
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::{IntoStatus, carry};

faults! {
    /// A write ended without an answer.
    Broken;
    /// Its task panicked.
    Panicked(tokio::task::JoinError) "the task of a write failed: {0}" => Internal Internal;
}

/// The tasks of a service's writes and long answers: its shutdown waits for them.
#[derive(Debug, Clone, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// The writes of a service whose shutdown waits for `tracker`.
    #[must_use]
    pub fn new(tracker: TaskTracker) -> Self {
        Self(tracker)
    }
    /// Starts `work` as part of the present call and does not wait for it; the shutdown does.
    pub fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(carry(work));
    }
    /// Runs `work` as part of the present call, in a task of its own: tonic drops the future of a handler
    /// when the client cancels, and a write must not be cut half-way.
    ///
    /// # Errors
    /// What `work` answers; INTERNAL where it panics.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
    {
        self.0
            .spawn(carry(work))
            .await
            .unwrap_or_else(|error| Err(Broken::Panicked(error).into_status()))
    }
}
