//! Ends an API key.

use bailiwick_types::{
    ApiKeyId, Authorized, Refused, StoreError, Token, faults, method::identity::RevokeApiKey,
};

use super::ApiKey;
use crate::{Identity, change::Change};

faults! {
    /// Why the key is not ended.
    Error: Refused(Refused), Store(StoreError);
}

/// Ends the key. One that was revoked stays unchanged.
///
/// # Errors
/// The account has no such key.
pub async fn revoke(
    identity: &Identity,
    by: &Authorized<RevokeApiKey>,
    id: ApiKeyId,
) -> Result<(ApiKey, Token), Error> {
    let account = by.account().ok_or(Refused::Denied)?.id();
    let found = identity.store.api_key(id).await?;
    let own = found.filter(|key| key.scope.account == account);
    // Whose it is and where it serves never changes.
    let root = own.ok_or(Refused::NotFound("API key"))?.root();
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let mut key = write.api_key(id).await?.ok_or(Refused::NotFound("API key"))?;
    if key.revoked.is_none() {
        key.revoked = Some(identity.clock.now());
        write.update_api_key(&key).await?;
        let user = key.user;
        write.emit(&root, Change::ApiKeyEnded { key: id, user })?;
        write.emit(&root, Change::by(by, format!("api_key:{id}")))?;
    }
    let token = write.commit().await?;
    Ok((key, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, account};
    use bailiwick_types::AccountId;
    use std::time::Duration;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_key_is_revoked_once_and_everybody_is_told() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (key, text) = fixture.api_key(&ada).await;
        fixture.store.take_changes();
        let by = fixture.of_account(account());
        let (revoked, _) = revoke(&fixture.identity, &by, key.id()).await.unwrap();
        assert_eq!(revoked.revoked, Some(fixture.identity.clock.now()));
        let ended = Change::ApiKeyEnded {
            key: key.id(),
            user: ada.id,
        };
        let audited = Change::by(&by, format!("api_key:{}", key.id()));
        assert_eq!(fixture.store.take_changes(), [ended, audited]);
        assert_eq!(fixture.verify_key(&text).await, None);
        fixture.clock.advance(Duration::from_secs(1));
        let (again, _) = revoke(&fixture.identity, &by, key.id()).await.unwrap();
        assert_eq!(again, revoked);
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn a_key_of_another_account_is_not_found() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (key, text) = fixture.api_key(&ada).await;
        let by = fixture.of_account(AccountId::from_uuid(Uuid::from_u128(2)));
        for id in [key.id(), ApiKeyId::from_uuid(Uuid::from_u128(9))] {
            let refused = revoke(&fixture.identity, &by, id).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::NotFound(_)))),
                "{refused:?}"
            );
        }
        assert!(fixture.verify_key(&text).await.is_some());
    }
}
