//! Accounts: the customers of products.

mod create;
mod delete;
mod get;
mod list;
mod reactivate;
mod suspend;
mod update;

use async_trait::async_trait;
use bailiwick_types::{AccountId, Code, Fault, ProductName, Reason, Scope, Timestamp, UserId};
use serde::{Deserialize, Serialize};

pub use create::{CreateAccount, CreateError, create, fits};
pub use delete::{DeleteAccount, DeleteError, delete};
pub use get::{GetError, get};
pub use list::{AccountFilter, list};
pub use reactivate::{ReactivateError, reactivate};
pub use suspend::{SuspendError, suspend};
pub use update::{UpdateAccount, UpdateError, update};

use crate::{
    State, Title,
    listing::{Key, Query},
    store::StoreError,
};

/// A customer of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its product; never changes.
    pub product: ProductName,
    /// Its title.
    pub title: Title,
    /// Its state.
    pub state: State,
    /// The first holder of its single-holder role, as named at creation.
    pub owner: Option<UserId>,
    /// Seats that members may take; 0 is no limit.
    pub seats: u32,
    /// Start of the billing cycle, which is monthly.
    pub billing_anchor: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Its version, from 1.
    pub version: u64,
    /// Whether a suspension or deletion is under way.
    pub closing: bool,
}

impl Account {
    /// The scope that it is.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::Account(self.id)
    }
    /// Refuses where it is not in use.
    ///
    /// # Errors
    /// It is suspended, moving, deleted or about to be.
    pub fn ensure_active(&self) -> Result<(), NotActive> {
        if self.closing {
            return Err(NotActive::closing(&self.scope()));
        }
        NotActive::unless(&self.scope(), self.state)
    }
    /// Refuses where it cannot be edited.
    ///
    /// # Errors
    /// A suspension or deletion is under way.
    pub fn ensure_settled(&self) -> Result<(), NotActive> {
        if self.closing {
            Err(NotActive::closing(&self.scope()))
        } else {
            Ok(())
        }
    }
    /// Notes a change.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated = now;
    }
}

/// The account, instance or workspace does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not exist")]
pub struct Missing;

impl Fault for Missing {
    fn code(&self) -> Code {
        Code::NotFound
    }
    fn reason(&self) -> Reason {
        Reason::NotFound
    }
}

/// The account, instance or workspace, or one above it, is not in use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{scope}` is {state}")]
pub struct NotActive {
    /// What is not in use.
    pub scope: String,
    /// What it is instead.
    pub state: &'static str,
}

impl NotActive {
    pub(crate) fn closing(scope: &Scope) -> Self {
        Self {
            scope: scope.to_string(),
            state: "being suspended or deleted",
        }
    }
    pub(crate) fn unless(scope: &Scope, state: State) -> Result<(), Self> {
        if state == State::Active {
            return Ok(());
        }
        Err(Self {
            scope: scope.to_string(),
            state: state.as_str(),
        })
    }
}

impl Fault for NotActive {
    fn code(&self) -> Code {
        Code::FailedPrecondition
    }
    fn reason(&self) -> Reason {
        Reason::NotActive
    }
    fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![("scope", self.scope.clone())]
    }
}

/// There are still things in what is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not empty: delete what lies in it, or set `force`")]
pub struct NotEmpty;

impl Fault for NotEmpty {
    fn code(&self) -> Code {
        Code::FailedPrecondition
    }
    fn reason(&self) -> Reason {
        Reason::NotEmpty
    }
}

/// Reads accounts. Deleted ones are not there.
#[async_trait]
pub trait Reader {
    /// The account of that id.
    ///
    /// # Errors
    /// The database fails.
    async fn find_account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// Accounts in order, at most `limit`, after a key.
    ///
    /// # Errors
    /// The database fails.
    async fn list_accounts(
        &mut self,
        filter: &AccountFilter,
        query: &Query,
        after: Option<&Key>,
        limit: u64,
    ) -> Result<Vec<Account>, StoreError>;
}

/// Keeps accounts.
#[async_trait]
pub trait Writer {
    /// The account of that id, which nobody else writes until the end of this unit of work.
    ///
    /// # Errors
    /// The database fails.
    async fn lock_account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// Adds an account.
    ///
    /// # Errors
    /// The database fails.
    async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError>;
    /// Keeps an account in the place of its older version.
    ///
    /// # Errors
    /// The database fails.
    async fn update_account(&mut self, account: &Account) -> Result<(), StoreError>;
}
