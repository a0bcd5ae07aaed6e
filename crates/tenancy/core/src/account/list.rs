//! Lists the accounts that the caller may view.

use async_trait::async_trait;
use bailiwick_types::{AccountId, PageRequest, ProductName, Scope};

use super::Account;
use crate::{
    listing::{Key, ListError, Page, Query, Rows, Viewer, page},
    store::{Reach, Store, StoreError},
};

/// Which accounts are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountFilter {
    /// Only those of this product.
    pub product: Option<ProductName>,
    /// Only this one.
    pub account: Option<AccountId>,
}

struct Accounts<'a> {
    store: &'a dyn Store,
    filter: &'a AccountFilter,
    query: &'a Query,
}

#[async_trait]
impl Rows for Accounts<'_> {
    type Row = Account;
    async fn after(&self, key: Option<&Key>, limit: u64) -> Result<Vec<Account>, StoreError> {
        let mut read = self.store.read(Reach::All).await?;
        read.list_accounts(self.filter, self.query, key, limit).await
    }
    fn key(&self, row: &Account) -> Key {
        Key::of(self.query.order, &row.title, row.created, row.id.uuid())
    }
    fn scope(&self, row: &Account) -> (AccountId, Scope) {
        (row.id, row.scope())
    }
}

/// Lists accounts.
///
/// # Errors
/// The store fails, or what the caller may view cannot be decided.
pub async fn list<V: Viewer>(
    store: &dyn Store,
    viewer: &V,
    filter: &AccountFilter,
    query: &Query,
    request: &PageRequest<Key>,
) -> Result<Page<Account>, ListError<V::Error>> {
    let rows = Accounts { store, filter, query };
    page(&rows, viewer, request).await
}
