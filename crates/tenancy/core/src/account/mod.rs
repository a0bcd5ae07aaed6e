//! Accounts: the customers of products.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod reactivate;
pub mod restrict;
pub mod suspend;
pub mod update;

use async_trait::async_trait;
use bailiwick_types::{AccountId, ProductName, Refused, Scope, StoreError, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Precondition, State, Title,
    listing::{Key, Query},
    precondition,
};

/// What a missing account is called in a refusal.
pub(crate) const MISSING: Refused = Refused::NotFound("account");

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
    /// Seats for members; 0 is no limit.
    pub seats: u32,
    /// Start of the billing cycle, which is monthly.
    pub billing_anchor: Timestamp,
    /// The time of creation.
    pub created: Timestamp,
    /// The time of the last change.
    pub updated: Timestamp,
    /// Its version, from 1.
    pub version: u64,
    /// Whether a suspension, restriction or deletion is under way.
    pub closing: bool,
}

impl Account {
    /// Its scope.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::Account(self.id)
    }
    /// Refuses an account that is not in use.
    pub(crate) fn ensure_active(&self) -> Result<(), Precondition> {
        precondition::ensure_active(self.scope(), self.closing, self.state)
    }
    /// Refuses while a suspension, restriction or deletion is under way.
    pub(crate) fn ensure_settled(&self) -> Result<(), Precondition> {
        precondition::ensure_settled(self.scope(), self.closing)
    }
    /// Counts a change.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated = now;
    }
}

/// Reads the account of a unit of work. A deleted one does not exist.
#[async_trait]
pub trait Reader: Send {
    /// The account.
    ///
    /// # Errors
    /// The database fails.
    async fn find_account(&mut self) -> Result<Option<Account>, StoreError>;
}

/// Which accounts are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountFilter {
    /// Only those of this product.
    pub product: Option<ProductName>,
    /// Only this one.
    pub account: Option<AccountId>,
}

/// Lists accounts. Deleted ones are left out.
#[async_trait]
pub trait Lister: Send {
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

/// Stores the account of a unit of work, which has no other writer until the unit ends.
#[async_trait]
pub trait Writer: Send {
    /// Inserts the account.
    ///
    /// # Errors
    /// The database fails, or it is another account.
    async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError>;
    /// Replaces the account by its new version.
    ///
    /// # Errors
    /// The database fails, or it is another account.
    async fn update_account(&mut self, account: &Account) -> Result<(), StoreError>;
}
