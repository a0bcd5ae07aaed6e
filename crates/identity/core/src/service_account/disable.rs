//! Takes all access away from a service account.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, ServiceAccountId, StoreError, Token, faults,
    method::identity::DisableServiceAccount,
};

use super::ServiceAccount;
use crate::{Identity, change::Change};

faults! {
    /// Why it is not disabled.
    Error: Refused(Refused), Store(StoreError);
}

/// Disables the service account. A disabled one stays unchanged.
///
/// # Errors
/// It does not exist.
pub async fn disable(
    identity: &Identity,
    by: &Authorized<DisableServiceAccount>,
    id: ServiceAccountId,
) -> Result<(ServiceAccount, Token), Error> {
    let root = ScopeRoot::Deployment;
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let found = write.service_account(id).await?;
    let mut account = found.ok_or(Refused::NotFound("service account"))?;
    if account.enabled {
        account.enabled = false;
        account.version = write.next_revision(&root)?;
        write.update_service_account(&account).await?;
        write.emit(&root, Change::ServiceAccount(account.clone()))?;
        write.emit(&root, Change::by(by, format!("service:{id}")))?;
    }
    let token = write.commit().await?;
    Ok((account, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, unknown_service};

    #[tokio::test]
    async fn a_service_account_is_disabled_once() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.service_account("Reports").await;
        fixture.store.take_changes();
        let by = fixture.operator();
        let (disabled, _) = disable(&fixture.identity, &by, account.id).await.unwrap();
        assert_eq!((disabled.enabled, disabled.version), (false, account.version + 1));
        let audited = Change::by(&by, format!("service:{}", account.id));
        let told = [Change::ServiceAccount(disabled.clone()), audited];
        assert_eq!(fixture.store.take_changes(), told);
        assert_eq!(
            disable(&fixture.identity, &by, account.id).await.unwrap().0,
            disabled
        );
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn an_unknown_service_account_is_not_found() {
        let fixture = Fixture::new().await;
        let unknown = disable(&fixture.identity, &fixture.operator(), unknown_service()).await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound(_)))),
            "{unknown:?}"
        );
    }
}
