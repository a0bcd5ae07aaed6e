//! The threads that hash passwords: a bounded number for each share.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Semaphore;

use super::PasswordsError;

/// For whom a password is hashed. Each has threads of its own: who fills one keeps nobody out of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Sign-ins from devices that are not known.
    SignIn,
    /// Sign-ins from known devices.
    KnownDevice,
    /// Callers that are signed in: Reauthenticate, and passwords that are set.
    SignedIn,
}

/// How many hashes each share computes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Sign-ins from devices that are not known.
    pub sign_in: usize,
    /// Sign-ins from known devices.
    pub known_device: usize,
    /// Callers that are signed in.
    pub signed_in: usize,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            sign_in: 2,
            known_device: 1,
            signed_in: 1,
        }
    }
}

/// How many may wait for each hash that is being computed.
const WAITING: usize = 64;

/// The threads of a share.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) working: Arc<Semaphore>,
    pub(super) waiting: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

impl Pool {
    fn new(threads: usize, waiting: usize) -> Self {
        Self {
            working: Arc::new(Semaphore::new(threads.max(1))),
            waiting: Arc::new(Semaphore::new(waiting)),
            computed: Arc::default(),
        }
    }
    /// A pool for which few wait at once.
    pub(super) fn bounded(threads: usize) -> Self {
        Self::new(threads, threads.max(1) * WAITING)
    }
    /// A pool for which any number waits.
    pub(super) fn unbounded(threads: usize) -> Self {
        Self::new(threads, Semaphore::MAX_PERMITS)
    }
    /// How many hashes were computed since the start.
    pub(super) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }
    /// Computes a hash in its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordsError> + Send + 'static,
    ) -> Result<T, PasswordsError> {
        let computed = Arc::clone(&self.computed);
        let counted = move || {
            computed.fetch_add(1, Ordering::Relaxed);
            work()
        };
        self.run_uncounted(counted).await
    }
    /// Does in its turn what is no hash.
    pub(super) async fn run_uncounted<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordsError> + Send + 'static,
    ) -> Result<T, PasswordsError> {
        let _slot = self
            .waiting
            .try_acquire()
            .map_err(|_| PasswordsError::Overloaded)?;
        let permit = Arc::clone(&self.working)
            .acquire_owned()
            .await
            .map_err(|error| PasswordsError::Broken(error.to_string()))?;
        // The permit moves into the thread: a caller that goes away does not free a slot that is still in
        // use.
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
        .map_err(|error| PasswordsError::Broken(error.to_string()))?
    }
}
