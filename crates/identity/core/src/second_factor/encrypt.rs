//! Encrypts the secrets of authenticators that were stored before a key encryption secret was configured.

use bailiwick_types::{ScopeRoot, UserId};

use super::{Totp, sealed_for};
use crate::{Identity, signing::KeysError};

/// How many are looked for at once.
const BATCH: u64 = 500;

/// Encrypts them, each in a unit of its own. One that is not readable holds up no other.
pub(crate) async fn encrypt(identity: &Identity) -> Result<(), KeysError> {
    if !identity.keys.encrypts() {
        return Ok(());
    }
    let (mut after, mut failed) = (None, None);
    loop {
        let users = identity.store.plain_totps(after, BATCH).await?;
        if users.is_empty() {
            return failed.map_or(Ok(()), Err);
        }
        after = users.last().copied();
        for user in users {
            if let Err(error) = encrypt_one(identity, user).await {
                failed = Some(error);
            }
        }
    }
}

async fn encrypt_one(identity: &Identity, user: UserId) -> Result<(), KeysError> {
    let seal = identity.keys.seal();
    // The root: nobody accepts or counts a code meanwhile.
    let mut write = identity.store.write(&[ScopeRoot::User(user)]).await?;
    let stored = write.totp(user).await?;
    let Some(totp) = stored.filter(|totp| seal.is_outdated(&totp.secret)) else {
        return Ok(());
    };
    let bytes = seal.open_bytes(&sealed_for(user), &totp.secret)?;
    let secret = seal.seal_bytes(&sealed_for(user), &bytes, &*identity.rng)?;
    write.put_totp(&Totp { secret, ..totp }).await?;
    write.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::{
        fixture::Fixture,
        second_factor::{
            Reader as _,
            tests::{enrolled, opened},
        },
        signing::SealError,
        store::Store as _,
    };

    #[tokio::test]
    async fn what_was_stored_in_plain_text_is_encrypted_once_a_secret_is_configured() {
        let mut fixture = Fixture::new().await;
        let mut secrets = Vec::new();
        for email in ["ada@example.com", "bob@example.com", "eve@example.com"] {
            let user = fixture.user(email).await;
            let session = fixture.session(&user).await;
            secrets.push((user.id, enrolled(&fixture, &user, session).await));
        }
        encrypt(&fixture.identity).await.unwrap();
        assert_eq!(fixture.store.plain_totps(None, 9).await.unwrap().len(), 3);
        // A row that nobody can read.
        let broken = secrets[0].0;
        let mut write = fixture.store.write(&[]).await.unwrap();
        let totp = write.totp(broken).await.unwrap().unwrap();
        let secret = "plain:?".into();
        write.put_totp(&Totp { secret, ..totp }).await.unwrap();
        write.commit().await.unwrap();
        fixture.encrypt_keys("a secret that is configured later");
        let failed = encrypt(&fixture.identity).await;
        assert!(
            matches!(failed, Err(KeysError::Seal(SealError::Unreadable))),
            "{failed:?}"
        );
        for (user, secret) in &secrets[1..] {
            let stored = fixture.store.totp(*user).await.unwrap().unwrap();
            assert!(stored.secret.expose_secret().starts_with("aes256gcm.v1:"));
            assert!(stored.confirmed.is_some());
            assert_eq!(&opened(&fixture, *user).await, secret);
        }
        assert_eq!(fixture.store.plain_totps(None, 9).await.unwrap(), [broken]);
        assert_eq!(fixture.store.plain_totps(Some(broken), 9).await.unwrap(), []);
    }
}
