//! Tells whose an API key is, while it serves.

use bailiwick_types::{
    ApiKeyId, Authorized, StoreError, System, Timestamp, faults, method::identity::VerifyApiKey,
};

use super::ApiKey;
use crate::{Identity, secret::Digest};

const HOUR: i64 = 3_600;

faults! {
    /// Why nothing is told.
    Error: Store(StoreError);
}

/// A key as somebody shows it.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its id.
    pub id: ApiKeyId,
    /// SHA-256 of its text.
    pub digest: Digest,
}

/// Tells another service of the suite.
///
/// # Errors
/// The store failed.
pub async fn verify(
    identity: &Identity,
    _by: &Authorized<VerifyApiKey>,
    command: &Command,
) -> Result<Option<ApiKey>, Error> {
    Ok(serving(identity, command).await?)
}

/// Tells this process.
///
/// # Errors
/// The store failed.
pub async fn verify_here(
    identity: &Identity,
    _by: &System,
    command: &Command,
) -> Result<Option<ApiKey>, Error> {
    Ok(serving(identity, command).await?)
}

/// The key, where text, end and maker let it serve. The maker's rights are asked of authorization by whoever
/// is called, the network by whoever knows it.
async fn serving(identity: &Identity, command: &Command) -> Result<Option<ApiKey>, StoreError> {
    let (store, now) = (&identity.store, identity.clock.now());
    let Some((key, mac)) = store.api_key_mac(command.id).await? else {
        return Ok(None);
    };
    if !identity.key_peppers.verify(&mac, &command.digest) || !key.is_live(now) {
        return Ok(None);
    }
    let maker = store.credentials(key.user).await?;
    if !maker.is_some_and(|maker| maker.may_sign_in()) {
        return Ok(None);
    }
    let hour = Timestamp::from_seconds(now.seconds().div_euclid(HOUR) * HOUR);
    if key.last_used.is_none_or(|last| last < hour) {
        // A key serves although that cannot be written down now: the next use in the hour tries again.
        let _ = note_use(identity, &key, hour).await;
    }
    Ok(Some(key))
}

async fn note_use(identity: &Identity, key: &ApiKey, hour: Timestamp) -> Result<(), StoreError> {
    let mut write = identity.store.write(&[]).await?;
    write.use_api_key(key.id(), hour).await?;
    write.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api_key::{KeyPepper, KeyPeppers, Reader as _},
        fixture::{Fixture, account},
        store::Store as _,
        user,
    };
    use secrecy::{ExposeSecret, SecretString};
    use std::time::Duration;

    #[tokio::test]
    async fn a_key_serves_with_its_own_text_until_its_end() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (key, text) = fixture.api_key(&ada).await;
        let (other, other_text) = fixture.api_key(&ada).await;
        let told = fixture.verify_key(&text).await.unwrap();
        assert_eq!(told, key);
        let show = |id, digest| Command { id, digest };
        let (own, others) = (Digest::of(&text), Digest::of(&other_text));
        let (_, mac) = fixture.store.api_key_mac(key.id()).await.unwrap().unwrap();
        let cut = SecretString::from(&text.expose_secret()[..79]);
        let unknown = ApiKeyId::from_uuid(uuid::Uuid::from_u128(9));
        for (odd, why) in [
            (show(unknown, own), "unknown"),
            (show(key.id(), others), "the secret of another key"),
            (show(other.id(), own), "the same the other way round"),
            (show(key.id(), mac.mac), "what is stored"),
            (show(key.id(), Digest::of(&cut)), "cut"),
        ] {
            assert_eq!(serving(&fixture.identity, &odd).await.unwrap(), None, "{why}");
        }
        let life = key.expires.since(fixture.identity.clock.now());
        fixture
            .clock
            .advance(life.checked_sub(Duration::from_micros(1)).unwrap());
        assert!(fixture.verify_key(&text).await.is_some());
        fixture.clock.advance(Duration::from_micros(1));
        assert_eq!(fixture.verify_key(&text).await, None, "it has expired");
    }

    #[tokio::test]
    async fn the_key_of_a_disabled_user_serves_not_before_the_user_is_enabled() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (_, text) = fixture.api_key(&ada).await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(fixture.verify_key(&text).await, None, "the intent is enough");
        user::disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        assert_eq!(fixture.verify_key(&text).await, None);
        user::enable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        assert!(fixture.verify_key(&text).await.is_some());
    }

    #[tokio::test]
    async fn a_use_is_noted_to_the_hour() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (key, text) = fixture.api_key(&ada).await;
        let last = async || fixture.store.api_key(key.id()).await.unwrap().unwrap().last_used;
        assert_eq!(last().await, None);
        fixture.verify_key(&text).await.unwrap();
        let first = last().await.unwrap();
        assert_eq!(first.seconds() % HOUR, 0);
        assert!(fixture.identity.clock.now().since(first) < Duration::from_hours(1));
        fixture.verify_key(&text).await.unwrap();
        assert_eq!(last().await, Some(first));
        fixture.clock.advance(Duration::from_hours(2));
        fixture.verify_key(&text).await.unwrap();
        assert_eq!(last().await, Some(first.plus(Duration::from_hours(2))));
        let wrong = Command {
            id: key.id(),
            digest: Digest::of(&"bwk_wrong".into()),
        };
        fixture.clock.advance(Duration::from_hours(2));
        serving(&fixture.identity, &wrong).await.unwrap();
        assert_eq!(last().await, Some(first.plus(Duration::from_hours(2))));
    }

    #[tokio::test]
    async fn without_its_pepper_no_key_serves() {
        let mut fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (key, text) = fixture.api_key(&ada).await;
        assert_eq!(key.scope.account, account());
        let pepper = KeyPepper::new("other", &"another secret".into());
        fixture.identity.key_peppers = KeyPeppers::new(pepper, []);
        assert_eq!(fixture.verify_key(&text).await, None);
    }
}
