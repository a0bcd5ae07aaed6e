//! Takes all access away from a service account.

use bailiwick_types::{Authorized, ScopeRoot, ServiceAccountId, Token};

use crate::{
    Identity,
    change::Change,
    fault::{fault, no_wait},
    port::StoreError,
    service_account::ServiceAccount,
};

const METHOD: &str = "bailiwick.identity.v1.ServiceAccountService/DisableServiceAccount";

/// Why it is not disabled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist.
    #[error("there is no such service account")]
    NotFound,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error { NotFound => NotFound NotFound, } [Store]);
no_wait!(Error);

/// Disables the service account; one that is disabled already stays so.
///
/// # Errors
/// It does not exist.
pub async fn run(
    identity: &Identity,
    by: &Authorized,
    id: ServiceAccountId,
) -> Result<(ServiceAccount, Token), Error> {
    let root = ScopeRoot::Deployment;
    let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
    let mut account = unit.service_account_now(id).await?.ok_or(Error::NotFound)?;
    if account.enabled {
        account.enabled = false;
        account.version = unit.next_revision(&root)?;
        unit.update_service_account(&account).await?;
        unit.emit(&root, Change::ServiceAccount(account.clone()))?;
        let actor = by.caller().subject();
        unit.emit(&root, Change::audited(actor, METHOD, format!("service:{id}")))?;
    }
    let token = unit.commit().await?;
    Ok((account, token))
}
