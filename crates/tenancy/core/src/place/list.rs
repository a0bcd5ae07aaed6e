//! Lists the instances or workspaces of an account that the caller may view.

use async_trait::async_trait;
use bailiwick_types::{AccountId, InstanceId, Level, PageRequest, Scope};

use super::Place;
use crate::{
    listing::{Key, ListError, Page, Query, Rows, Viewer, page},
    store::{Reach, Store, StoreError},
};

/// Which places are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceFilter {
    /// The account.
    pub account: AccountId,
    /// Instances or workspaces.
    pub level: Level,
    /// Only those directly in the account (`Some(None)`) or in an instance.
    pub parent: Option<Option<InstanceId>>,
}

struct Places<'a> {
    store: &'a dyn Store,
    filter: &'a PlaceFilter,
    query: &'a Query,
}

#[async_trait]
impl Rows for Places<'_> {
    type Row = Place;
    async fn after(&self, key: Option<&Key>, limit: u64) -> Result<Vec<Place>, StoreError> {
        let mut read = self.store.read(Reach::Account(self.filter.account)).await?;
        if read.find_account(self.filter.account).await?.is_none() {
            return Ok(Vec::new());
        }
        read.list_places(self.filter, self.query, key, limit).await
    }
    fn key(&self, row: &Place) -> Key {
        Key::of(self.query.order, &row.title, row.created, row.id.uuid())
    }
    fn scope(&self, row: &Place) -> (AccountId, Scope) {
        (row.account, row.scope())
    }
}

/// Lists places.
///
/// # Errors
/// The store fails, or what the caller may view cannot be decided.
pub async fn list<V: Viewer>(
    store: &dyn Store,
    viewer: &V,
    filter: &PlaceFilter,
    query: &Query,
    request: &PageRequest<Key>,
) -> Result<Page<Place>, ListError<V::Error>> {
    let rows = Places { store, filter, query };
    page(&rows, viewer, request).await
}
