//! Compiles policies and manifests on blocking threads, so that a large one does not delay other calls.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    thread::available_parallelism,
};

use bailiwick_policy::{AccountPolicy, CustomRole, Overlay, OwnSize, Product};
use bailiwick_types::StoreError;
use serde_json::Value as Json;
use tokio::sync::Semaphore;

/// At most one compilation for each processor; the others wait.
static SLOTS: LazyLock<Slots> = LazyLock::new(|| Slots::new(available_parallelism().map_or(1, usize::from)));

struct Slots(Arc<Semaphore>);

/// Error for a compilation that panicked.
#[derive(Debug, thiserror::Error)]
#[error("compiling failed: {0}")]
pub struct Unfinished(String);

impl From<Unfinished> for StoreError {
    fn from(error: Unfinished) -> Self {
        Self::internal(error.to_string())
    }
}

/// Runs work that compiles on a thread of its own. It runs to its end, and keeps its slot until then, also
/// where the caller is cancelled; what it makes is then dropped as a whole.
///
/// # Errors
/// The work panicked.
pub async fn compiling<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unfinished> {
    SLOTS.run(work).await
}

impl Slots {
    fn new(slots: usize) -> Self {
        Self(Arc::new(Semaphore::new(slots)))
    }
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let failed = |error: &dyn std::fmt::Display| Unfinished(error.to_string());
        let slot = Arc::clone(&self.0).acquire_owned().await;
        let slot = slot.map_err(|error| failed(&error))?;
        let done = tokio::task::spawn_blocking(move || {
            let made = work();
            drop(slot);
            made
        });
        done.await.map_err(|error| failed(&error))
    }
}

/// What an account brings to its policy.
#[derive(Debug, Clone)]
pub struct PolicyParts {
    /// The product.
    pub product: Arc<Product>,
    /// The account's own roles.
    pub custom: Vec<CustomRole>,
    /// What it changed about roles of the product.
    pub overlays: Vec<Overlay>,
    /// Its settings.
    pub settings: BTreeMap<String, Json>,
}

impl PolicyParts {
    /// Compiles the policy.
    ///
    /// # Errors
    /// See [`compiling`].
    pub async fn compile(self) -> Result<Arc<AccountPolicy>, Unfinished> {
        // Without roles of its own there is nothing to compile.
        if self.custom.is_empty() && self.overlays.is_empty() {
            return Ok(Arc::new(self.now()));
        }
        compiling(move || Arc::new(self.now())).await
    }
    /// Compiles the policy and tells how large the account's own roles are in it.
    ///
    /// # Errors
    /// See [`compiling`].
    pub async fn compile_measured(self) -> Result<(Arc<AccountPolicy>, OwnSize), Unfinished> {
        compiling(move || {
            let policy = self.now();
            let size = policy.own_size();
            (Arc::new(policy), size)
        })
        .await
    }
    fn now(self) -> AccountPolicy {
        AccountPolicy::compile(self.product, self.custom, self.overlays, self.settings)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        thread,
    };

    use super::*;

    #[tokio::test]
    async fn work_runs_on_another_thread_than_the_callers() {
        let here = thread::current().id();
        let there = compiling(|| thread::current().id()).await.unwrap();
        assert_ne!(here, there);
    }

    #[tokio::test]
    async fn a_cancelled_caller_keeps_its_slot_until_the_work_ends() {
        let slots = Arc::new(Slots::new(1));
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (end, ends) = mpsc::channel::<()>();
        let task = tokio::spawn({
            let slots = Arc::clone(&slots);
            let work = move || {
                begun.send(()).unwrap();
                let _ = ends.recv();
            };
            async move { slots.run(work).await }
        });
        begins.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(slots.0.available_permits(), 0);
        drop(end);
        slots.run(|| ()).await.unwrap();
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_slots() {
        let (slots, now, most) = (
            Arc::new(Slots::new(2)),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicUsize::new(0)),
        );
        let all = (0..64).map(|_| {
            let (slots, now, most) = (Arc::clone(&slots), Arc::clone(&now), Arc::clone(&most));
            let work = move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            };
            tokio::spawn(async move { slots.run(work).await })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.unwrap().unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let failed = compiling(|| -> () { panic!("odd") }).await;
        assert!(matches!(
            StoreError::from(failed.unwrap_err()),
            StoreError::Internal(_)
        ));
    }
}
