//! Reads a service account.

use bailiwick_types::{
    Authorized, Refused, ServiceAccountId, StoreError, faults, method::identity::GetServiceAccount,
};

use super::ServiceAccount;
use crate::Identity;

faults! {
    /// Why there is no service account.
    Error: Refused(Refused), Store(StoreError);
}

/// Reads the service account.
///
/// # Errors
/// It does not exist.
pub async fn get(
    identity: &Identity,
    _by: &Authorized<GetServiceAccount>,
    id: ServiceAccountId,
) -> Result<ServiceAccount, Error> {
    let found = identity.store.service_account(id).await?;
    Ok(found.ok_or(Refused::NotFound("service account"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, unknown_service};

    #[tokio::test]
    async fn a_service_account_is_read_and_an_unknown_one_is_not_found() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.service_account("Reports").await;
        let by = fixture.operator();
        assert_eq!(get(&fixture.identity, &by, account.id).await.unwrap(), account);
        let unknown = get(&fixture.identity, &by, unknown_service()).await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound(_)))),
            "{unknown:?}"
        );
    }
}
