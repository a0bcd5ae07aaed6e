//! Reads an API key.

use bailiwick_types::{
    AccountId, ApiKeyId, Authorized, Refused, StoreError, UserId, faults, method::identity::GetApiKey,
};

use super::ApiKey;
use crate::Identity;

faults! {
    /// Why there is no key.
    Error: Refused(Refused), Store(StoreError);
}

/// Whose a key of an account is, for the guard; nothing of a key is told before it was asked.
///
/// # Errors
/// The store failed.
pub async fn owner(
    identity: &Identity,
    account: AccountId,
    id: ApiKeyId,
) -> Result<Option<UserId>, StoreError> {
    let found = identity.store.api_key(id).await?;
    Ok(found
        .filter(|key| key.scope.account == account)
        .map(|key| key.user))
}

/// Reads the key.
///
/// # Errors
/// The account has no such key.
pub async fn get(identity: &Identity, by: &Authorized<GetApiKey>, id: ApiKeyId) -> Result<ApiKey, Error> {
    let account = by.account().ok_or(Refused::Denied)?.id();
    let found = identity.store.api_key(id).await?;
    let own = found.filter(|key| key.scope.account == account);
    Ok(own.ok_or(Refused::NotFound("API key"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, account};
    use bailiwick_types::ApiKeyId;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_key_is_read_in_its_own_account_alone() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (key, _) = fixture.api_key(&ada).await;
        let by = fixture.of_account(account());
        assert_eq!(get(&fixture.identity, &by, key.id()).await.unwrap(), key);
        let other = AccountId::from_uuid(Uuid::from_u128(2));
        let unknown = ApiKeyId::from_uuid(Uuid::from_u128(9));
        for (by, id) in [(fixture.of_account(other), key.id()), (by, unknown)] {
            let refused = get(&fixture.identity, &by, id).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::NotFound(_)))),
                "{refused:?}"
            );
        }
        let owners = [(account(), key.id()), (other, key.id()), (account(), unknown)];
        let mut found = Vec::new();
        for (account, id) in owners {
            found.push(owner(&fixture.identity, account, id).await.unwrap());
        }
        assert_eq!(found, [Some(ada.id), None, None]);
    }
}
