//! Proves the address of a user with a mailed secret.

use bailiwick_types::{Authorized, StoreError, Token, faults, method::identity::VerifyEmail};
use secrecy::SecretString;

use super::prove_address;
use crate::{
    Identity,
    change::Change,
    one_time::{self, Purpose, RedeemError},
};

faults! {
    /// Why the address is not proved.
    Error: Redeem(RedeemError), Store(StoreError);
}

/// Records that the address is the user's.
///
/// # Errors
/// The secret does not serve.
pub async fn verify_email(
    identity: &Identity,
    by: &Authorized<VerifyEmail>,
    secret: &SecretString,
) -> Result<Token, Error> {
    let purpose = Purpose::Verification;
    let found = one_time::look_up(identity, secret, purpose).await?.user;
    let (root, now) = (found.root(), identity.clock.now());
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let known = one_time::redeem(&mut *write, secret, found.id, purpose, now).await?;
    let mut user = known.user;
    prove_address(&mut *write, &mut user).await?;
    write.emit(&root, Change::by(by, format!("user:{}", user.id)))?;
    Ok(write.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::Fixture,
        user::{Reader as _, send_verification},
    };

    #[tokio::test]
    async fn the_address_is_verified_once_and_the_others_hear_of_it() {
        let fixture = Fixture::new().await;
        let ada = fixture.unverified_user("ada@example.com").await;
        let by = fixture.as_user(&ada, fixture.session(&ada).await);
        send_verification(&fixture.identity, &by).await.unwrap();
        let secret = fixture.deliver().await.pop().unwrap().secret.unwrap();
        fixture.store.take_changes();
        verify_email(&fixture.identity, &fixture.anonymous(), &secret)
            .await
            .unwrap();
        let after = fixture.store.user(ada.id).await.unwrap().unwrap();
        assert!(after.email_verified);
        let audited = Change::by(&fixture.anonymous::<VerifyEmail>(), format!("user:{}", ada.id));
        assert_eq!(fixture.store.take_changes(), [Change::User(after), audited]);
        let again = verify_email(&fixture.identity, &fixture.anonymous(), &secret).await;
        assert!(
            matches!(again, Err(Error::Redeem(RedeemError::Invalid))),
            "{again:?}"
        );
    }

    #[tokio::test]
    async fn an_unknown_secret_proves_nothing() {
        let fixture = Fixture::new().await;
        let refused = verify_email(&fixture.identity, &fixture.anonymous(), &"bwm_x".into()).await;
        assert!(
            matches!(refused, Err(Error::Redeem(RedeemError::Invalid))),
            "{refused:?}"
        );
    }
}
