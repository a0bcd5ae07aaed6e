//! Makes the secret of an authenticator. It counts once it is proved.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, StoreError, Subject, faults, method::identity::EnrollSecondFactor,
};
use secrecy::SecretString;

use super::{
    Totp, sealed_for,
    totp::{TotpSecret, uri},
};
use crate::{Identity, change::Change, signing::SealError};

faults! {
    /// Why no authenticator is made.
    Error: Refused(Refused), Seal(SealError), Store(StoreError);
    /// The user has one.
    Enrolled "the user has a second factor; remove it first" => FailedPrecondition NotActive;
}

/// A secret for an authenticator.
#[derive(Debug, Clone)]
pub struct Enrollment {
    /// In base32.
    pub secret: SecretString,
    /// For a QR code.
    pub uri: SecretString,
}

/// Makes a secret, in the place of one that was not proved.
///
/// # Errors
/// The user has a second factor.
pub async fn enroll(identity: &Identity, by: &Authorized<EnrollSecondFactor>) -> Result<Enrollment, Error> {
    let user = by.subject().and_then(Subject::user_id).ok_or(Refused::Denied)?;
    let secret = TotpSecret::generate(&*identity.rng);
    let seal = identity.keys.seal();
    let sealed = seal.seal_bytes(&sealed_for(user), secret.as_bytes(), &*identity.rng)?;
    let mut write = identity.store.write(&[ScopeRoot::User(user)]).await?;
    let known = write.user(user).await?.ok_or(Refused::NotFound("user"))?;
    if write
        .totp(user)
        .await?
        .is_some_and(|totp| totp.confirmed.is_some())
    {
        return Err(Error::Enrolled);
    }
    let totp = Totp {
        user,
        secret: sealed,
        created: identity.clock.now(),
        confirmed: None,
        last_step: 0,
        failures: 0,
    };
    write.put_totp(&totp).await?;
    write.emit(&ScopeRoot::User(user), Change::by(by, format!("user:{user}")))?;
    write.commit().await?;
    let uri = uri(&secret, host(&identity.issuer.name), known.email.as_str());
    Ok(Enrollment {
        secret: secret.base32().into(),
        uri: uri.into(),
    })
}

/// By what people know the issuer.
fn host(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::Fixture,
        second_factor::{Reader as _, tests::enrolled},
    };
    use secrecy::ExposeSecret;

    #[tokio::test]
    async fn a_secret_does_not_count_before_it_is_proved_and_a_new_one_replaces_it() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let one = enroll(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        let two = enroll(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        assert_ne!(one.secret.expose_secret(), two.secret.expose_secret());
        assert_eq!(two.secret.expose_secret().len(), 32, "160 bits");
        let uri = two.uri.expose_secret();
        assert!(
            uri.starts_with("otpauth://totp/id.example:ada%40example.com?secret="),
            "{uri}"
        );
        assert!(!format!("{two:?}").contains(two.secret.expose_secret()));
        let totp = fixture.store.totp(ada.id).await.unwrap().unwrap();
        assert!(totp.confirmed.is_none());
        fixture.session(&ada).await;
    }

    #[tokio::test]
    async fn a_second_factor_is_not_replaced() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        enrolled(&fixture, &ada, session).await;
        let again = enroll(&fixture.identity, &fixture.as_user(&ada, session)).await;
        assert!(matches!(again, Err(Error::Enrolled)), "{again:?}");
    }
}
