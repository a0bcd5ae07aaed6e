//! The port to the store: units of work that read or write one account, the one of the handle that opens
//! them, and reads across accounts.

use async_trait::async_trait;
use bailiwick_types::{AccountAccess, AccountWrite, AllAccounts, Caller, ProductName, StoreError, Token};

use crate::{
    Event, account, audit::Record, closing, moving, place, product, product::Product, request, settings,
};

/// Reads one account.
pub trait Read:
    account::Reader
    + place::Reader
    + settings::Reader
    + product::Reader
    + request::Reader
    + closing::Reader
    + moving::Reader
{
}

/// Reads across accounts.
pub trait ReadAll: account::Lister + closing::Unfinished + moving::Unfinished + request::Reader {}

/// Writes one account. Dropping it rolls back.
#[async_trait]
pub trait Write:
    Read
    + account::Writer
    + place::Writer
    + settings::Writer
    + request::Writer
    + closing::Writer
    + super::moving::Writer
{
    /// Has the methods that follow reach this account, one of those that the unit of work was opened for.
    fn select(&mut self, account: AccountWrite);
    /// Publishes a change; all changes of a unit of work become one event of the feed.
    fn emit(&mut self, event: Event);
    /// Adds what was done to the audit log of the account that the methods reach now. Each write that
    /// somebody asked for adds one entry; a unit of work that adds one publishes a change too.
    fn audit(&mut self, record: Record);
    /// Commits. The token names the account's revision after the write; a write without changes keeps the
    /// revision.
    ///
    /// # Errors
    /// Nothing was written.
    async fn commit(self: Box<Self>) -> Result<Token, StoreError>;
}

/// Opens units of work.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Begins to read an account.
    ///
    /// # Errors
    /// The database fails.
    async fn read(&self, account: AccountAccess) -> Result<Box<dyn Read>, StoreError>;
    /// Begins to read across accounts.
    ///
    /// # Errors
    /// The database fails.
    async fn read_all(&self, all: AllAccounts) -> Result<Box<dyn ReadAll>, StoreError>;
    /// Begins to write an account.
    ///
    /// # Errors
    /// The database fails.
    async fn write(&self, account: AccountWrite) -> Result<Box<dyn Write>, StoreError>;
    /// Begins to write two accounts, which may be the same. The first one is selected.
    ///
    /// # Errors
    /// The database fails.
    async fn write_both(
        &self,
        first: AccountWrite,
        second: AccountWrite,
    ) -> Result<Box<dyn Write>, StoreError>;
    /// A product. Products belong to no account, so this needs no right.
    ///
    /// # Errors
    /// The database fails.
    async fn find_product(&self, name: &ProductName) -> Result<Option<Product>, StoreError>;
    /// The product of the account that the caller's token is for.
    ///
    /// # Errors
    /// The database fails.
    async fn product_of_caller(&self, caller: &Caller) -> Result<Option<Product>, StoreError>;
}
