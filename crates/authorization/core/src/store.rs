//! The port to the store: units of work that read, and units of work that write.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_types::{
    AccountAccess, AccountId, AccountWrite, AllAccounts, Clock, IdGen, ScopeRoot, StoreError, Token,
};

use crate::{
    Change, Limits, account, approval, binding, erasure, grant, group, invitation, limit, member, person,
    product, relocation, request, resource, role, seat, situation,
};

macro_rules! all_of {
    ($(#[$doc:meta])* $name:ident: $($port:path),* $(,)?) => {
        $(#[$doc])*
        pub trait $name: $($port +)* Selects {}
        impl<T: $($port +)* Selects + ?Sized> $name for T {}
    };
}

all_of! {
    /// A unit of work that reads.
    Read: account::Reader, approval::Reader, binding::Reader, erasure::Reader, grant::Reader, group::Reader,
        invitation::Reader, limit::Reader, member::Reader, person::Reader, product::Reader,
        relocation::Reader, request::Reader, resource::Reader, role::Reader, seat::Reader, situation::Reader,
}

/// A unit of work across accounts reads and writes the rows of one account at a time.
pub trait Selects {
    /// Has the methods that follow reach this account. A unit of one account is for that account from its
    /// beginning and stays so.
    fn select(&mut self, account: AccountAccess);
}

/// A unit of work that writes under the revision rows that it holds.
pub trait Write:
    Read
    + account::Writer
    + approval::Writer
    + erasure::Writer
    + grant::Writer
    + group::Writer
    + role::Writer
    + seat::Writer
    + binding::Writer
    + invitation::Writer
    + member::Writer
    + person::Writer
    + product::Writer
    + relocation::Writer
    + request::Writer
    + resource::Writer
{
    /// Says what the write changed under a root that it holds. All of a root becomes one event of the feed.
    fn emit(&mut self, root: ScopeRoot, change: Change);
    /// The revision that this write gives a root that it holds.
    ///
    /// # Errors
    /// It does not hold the root.
    fn next_revision(&self, root: &ScopeRoot) -> Result<u64, StoreError>;
}

/// A unit of work of its own. Dropping it rolls back.
#[async_trait]
pub trait Unit: Write {
    /// Commits. The token names the roots that it held.
    ///
    /// # Errors
    /// Nothing was written, or its outcome is not known.
    async fn commit(self: Box<Self>) -> Result<Token, StoreError>;
}

/// Begins units of work, for what a witness reaches: no account can be named by its id.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Reads what belongs to an account, in one snapshot.
    async fn read(&self, account: AccountAccess) -> Result<Box<dyn Read + Send + Sync>, StoreError>;
    /// Reads across accounts, in one snapshot.
    async fn read_all(&self, all: AllAccounts) -> Result<Box<dyn Read + Send + Sync>, StoreError>;
    /// Writes an account under its row lock; nothing where the account is not known.
    async fn write(&self, account: AccountWrite) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError>;
    /// Writes accounts under their row locks, seeing the rows of all; nothing where one is not known.
    async fn write_accounts(
        &self,
        all: AllAccounts,
        accounts: &[AccountId],
    ) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError>;
    /// Writes several roots, seeing the rows of all accounts.
    async fn write_all(
        &self,
        all: AllAccounts,
        roots: &[ScopeRoot],
    ) -> Result<Box<dyn Unit + Send + Sync>, StoreError>;
}

/// What use cases need from outside.
#[derive(Clone)]
pub struct Ports {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn IdGen>,
    /// What one account may have at most.
    pub limits: Limits,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}
