//! The port to the database. Each aggregate declares what it reads and writes; here it is put together.

use async_trait::async_trait;
use bailiwick_types::{ScopeRoot, StoreError, Token};

use crate::{
    api_key, attempt, change::Change, device, mail, one_time, request, second_factor, service_account,
    session, signing, user,
};

/// Reads. Every method fails with [`StoreError`] where the database does.
pub trait Read:
    user::Reader
    + session::Reader
    + service_account::Reader
    + signing::Reader
    + attempt::Reader
    + device::Reader
    + mail::Reader
    + one_time::Reader
    + request::Reader
    + second_factor::Reader
    + api_key::Reader
    + Send
    + Sync
{
}

impl<T> Read for T where
    T: user::Reader
        + session::Reader
        + service_account::Reader
        + signing::Reader
        + attempt::Reader
        + device::Reader
        + mail::Reader
        + one_time::Reader
        + request::Reader
        + second_factor::Reader
        + api_key::Reader
        + Send
        + Sync
{
}

/// A unit of work: it is written as a whole, or, dropped before its commit, not at all. It reads what it has
/// written.
#[async_trait]
pub trait Write:
    Read
    + user::Writer
    + session::Writer
    + service_account::Writer
    + signing::Writer
    + attempt::Writer
    + device::Writer
    + mail::Writer
    + one_time::Writer
    + request::Writer
    + second_factor::Writer
    + api_key::Writer
{
    /// The revision that this write gives a root, if it emits a change for it.
    ///
    /// # Errors
    /// The unit was begun without the root.
    fn next_revision(&self, root: &ScopeRoot) -> Result<u64, StoreError>;
    /// Publishes a change together with the write.
    ///
    /// # Errors
    /// The unit was begun without the root.
    fn emit(&mut self, root: &ScopeRoot, change: Change) -> Result<(), StoreError>;
    /// Commits. The token names every root that the unit was begun with.
    async fn commit(self: Box<Self>) -> Result<Token, StoreError>;
}

/// The store. A read on it is a snapshot by itself.
#[async_trait]
pub trait Store: Read + 'static {
    /// Begins to write and locks the revisions of the roots: writes with a common root are serialized.
    async fn write(&self, roots: &[ScopeRoot]) -> Result<Box<dyn Write>, StoreError>;
}
