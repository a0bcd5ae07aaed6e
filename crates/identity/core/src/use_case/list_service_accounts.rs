//! Lists service accounts by id (AIP-158).

use bailiwick_types::{Authorized, PageRequest, ServiceAccountId};

use crate::{Identity, fault::fault, port::StoreError, service_account::ServiceAccount};

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The service accounts.
    pub accounts: Vec<ServiceAccount>,
    /// After which one the next page begins; none on the last.
    pub next: Option<ServiceAccountId>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error {}[Store]);

/// Reads the page.
///
/// # Errors
/// The store did not answer.
pub async fn run(
    identity: &Identity,
    _by: &Authorized,
    page: &PageRequest<ServiceAccountId>,
) -> Result<Page, Error> {
    let accounts = identity.store.service_account_page(page).await?;
    let full = accounts.len() as u64 >= page.size.get();
    let next = if full { accounts.last().map(|a| a.id) } else { None };
    Ok(Page { accounts, next })
}
