//! What the lists share: how a request sorts, searches and pages, and what its caller may view.

use async_trait::async_trait;
use bailiwick_rpc::{Context, Fields, Guard, IntoStatus, Paging};
use bailiwick_tenancy_core::{
    Title,
    listing::{Error, Key, Order, Query, Viewer},
};
use bailiwick_types::{AccountId, Scope};
use futures_util::{StreamExt, TryStreamExt, stream};
use tonic::Status;

use super::Api;

/// The fields that every list request has.
pub(super) struct ListFields<'a> {
    pub(super) order_by: &'a str,
    pub(super) search: &'a str,
    pub(super) page_size: i32,
    pub(super) page_token: &'a str,
}

/// How a list is read.
pub(super) struct Listing {
    pub(super) query: Query,
    pub(super) paging: Paging<Key>,
}

impl ListFields<'_> {
    /// Reads them and finishes the request. `list` has the other parameters that decide what is on the list,
    /// `parsed` their values.
    pub(super) fn finish<T>(
        self,
        mut fields: Fields,
        list: &[&str],
        parsed: Option<T>,
    ) -> Result<(T, Listing), Status> {
        let order: Option<Order> = fields.take("order_by", self.order_by.parse());
        let size = fields.page_size(self.page_size);
        let search = fields.short("search", self.search, Title::MAX);
        let ((order, size), (search, parsed)) = fields.finish(order.zip(size).zip(search.zip(parsed)))?;
        let sorted = order.to_string();
        let list = [list, &[&sorted, self.search]].concat();
        let listing = Listing {
            query: Query {
                search: Some(search).filter(|search| !search.is_empty()),
                order,
            },
            paging: Paging::new(&list, size, self.page_token)?,
        };
        Ok((parsed, listing))
    }
}

/// Concurrent questions about accounts.
const CONCURRENT: usize = 16;

/// The caller of a list.
pub(super) struct Caller<'a> {
    guard: &'a Guard,
    context: &'a Context,
    account: Option<AccountId>,
}

impl Api {
    /// The caller of a list. With an account, all scopes are asked in it; without, each account is asked for
    /// itself.
    pub(super) fn viewer<'a>(&'a self, context: &'a Context, account: Option<AccountId>) -> Caller<'a> {
        Caller {
            guard: &self.guard,
            context,
            account,
        }
    }
}

#[async_trait]
impl Viewer for Caller<'_> {
    type Error = Status;
    async fn may_view(&self, scopes: &[Scope]) -> Result<Vec<bool>, Status> {
        if self.account.is_some() {
            return self.guard.filter(self.context, self.account, scopes).await;
        }
        let size = scopes.len().div_ceil(CONCURRENT).max(1);
        let parts: Vec<Vec<Scope>> = scopes.chunks(size).map(<[Scope]>::to_vec).collect();
        let asked = parts
            .into_iter()
            .map(|part| async move { self.guard.filter(self.context, None, &part).await });
        let answers: Vec<Vec<bool>> = stream::iter(asked).buffered(CONCURRENT).try_collect().await?;
        Ok(answers.concat())
    }
}

/// The status of a failed list.
pub(super) fn list_status(error: Error<Status>) -> Status {
    match error {
        Error::Refused(error) => error.into_status(),
        Error::Store(error) => error.into_status(),
        Error::Viewer(status) => status,
    }
}
