//! The entry of an account in a replica: being read, known, or dropped.

use std::sync::{
    Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use bailiwick_types::AccountId;

use super::{flight::Flights, ready::Ready};
use crate::source::Row;

/// The greatest number of rows kept while an account is being read; with more it is read again.
const PENDING: usize = 65_536;

/// The state of an account.
#[derive(Debug)]
pub(crate) enum State {
    /// It is being read; changes are kept meanwhile.
    Loading(Vec<Arc<Row>>),
    /// It is known.
    Ready(Box<Ready>),
    /// It was dropped: a holder of this entry has to look the account up again.
    Gone,
}

/// An account of a replica.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    state: RwLock<State>,
    /// Held while the account is read.
    pub(crate) loading: tokio::sync::Mutex<()>,
    pub(crate) flights: Flights,
    /// When it was last used, in steps of the replica.
    used: AtomicU64,
    /// Bytes, as last counted.
    pub(crate) weight: AtomicUsize,
}

impl Account {
    /// A loading account: from now on changes are kept for it.
    pub(crate) fn loading(id: AccountId) -> Self {
        Self {
            id,
            state: RwLock::new(State::Loading(Vec::new())),
            loading: tokio::sync::Mutex::default(),
            flights: Flights::default(),
            used: AtomicU64::new(0),
            weight: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops its state.
    pub(crate) fn drop_state(&self) {
        *self.write() = State::Gone;
    }

    #[inline]
    pub(crate) fn touch(&self, step: u64) {
        // Without the test every question would take the cache line away from the other cores.
        if self.used.load(Ordering::Relaxed) != step {
            self.used.store(step, Ordering::Relaxed);
        }
    }

    pub(crate) fn last_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl State {
    /// Keeps rows while the account is being read.
    pub(crate) fn keep(&mut self, rows: &[Arc<Row>]) {
        if let Self::Loading(pending) = self {
            if pending.len() + rows.len() > PENDING {
                *self = Self::Gone;
            } else {
                pending.extend_from_slice(rows);
            }
        }
    }

    pub(crate) fn ready(&self) -> Option<&Ready> {
        match self {
            Self::Ready(ready) => Some(ready),
            Self::Loading(_) | Self::Gone => None,
        }
    }

    pub(crate) fn ready_mut(&mut self) -> Option<&mut Ready> {
        match self {
            Self::Ready(ready) => Some(ready),
            Self::Loading(_) | Self::Gone => None,
        }
    }
}
