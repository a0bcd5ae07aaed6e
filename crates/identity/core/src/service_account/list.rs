//! Lists service accounts by id (AIP-158).

use bailiwick_types::{Authorized, ServiceAccountId, StoreError, method::identity::ListServiceAccounts};

use super::ServiceAccount;
use crate::Identity;

/// Lists at most `limit` service accounts, those after `after`.
///
/// # Errors
/// The store failed.
pub async fn list(
    identity: &Identity,
    _by: &Authorized<ListServiceAccounts>,
    after: Option<ServiceAccountId>,
    limit: u64,
) -> Result<Vec<ServiceAccount>, StoreError> {
    identity.store.service_account_page(after, limit).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[tokio::test]
    async fn service_accounts_are_listed_by_id() {
        let fixture = Fixture::new().await;
        let mut accounts = Vec::new();
        for title in ["C", "A", "B"] {
            accounts.push(fixture.service_account(title).await.0);
        }
        let by = fixture.operator();
        let first = list(&fixture.identity, &by, None, 2).await.unwrap();
        assert_eq!(first, accounts[..2]);
        let second = list(&fixture.identity, &by, Some(first[1].id), 2).await.unwrap();
        assert_eq!(second, accounts[2..]);
    }
}
