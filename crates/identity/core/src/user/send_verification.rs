//! Mails the caller a secret that proves its address.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, StoreError, Subject, faults, method::identity::SendVerification,
};

use crate::{
    Identity,
    mail::{self, Kind, MailError},
    one_time::Purpose,
    user::Credentials,
};

faults! {
    /// Why no mail is written.
    Error: Refused(Refused), Mail(MailError), Store(StoreError);
    /// The caller is not a user.
    NoUser "only a user has an e-mail address" => PermissionDenied PermissionDenied;
    /// There is nothing to prove.
    Verified "the e-mail address is verified already" => FailedPrecondition AlreadyExists;
}

/// Writes the mail.
///
/// # Errors
/// See [`Error`].
pub async fn send_verification(identity: &Identity, by: &Authorized<SendVerification>) -> Result<(), Error> {
    let id = by.subject().and_then(Subject::user_id).ok_or(Error::NoUser)?;
    let write = identity.store.write(&[ScopeRoot::User(id)]).await?;
    let known = write.credentials(id).await?.filter(Credentials::may_sign_in);
    let known = known.ok_or(Refused::NotFound("user"))?;
    if known.user.email_verified {
        return Err(Error::Verified);
    }
    let (kind, purpose) = (Kind::Verification, Purpose::Verification);
    let write = mail::with_secret(identity, write, kind, purpose, &known.user, &[]).await?;
    write.commit().await?;
    identity.outbox.wake();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[tokio::test]
    async fn an_address_that_is_not_verified_gets_a_mail() {
        let fixture = Fixture::new().await;
        let ada = fixture.unverified_user("ada@example.com").await;
        let by = fixture.as_user(&ada, fixture.session(&ada).await);
        send_verification(&fixture.identity, &by).await.unwrap();
        let letters = fixture.deliver().await;
        assert_eq!((letters.len(), letters[0].kind), (1, Kind::Verification));
        let again = send_verification(&fixture.identity, &by).await;
        assert!(
            matches!(again, Err(Error::Mail(MailError::Throttled(_)))),
            "{again:?}"
        );
    }

    #[tokio::test]
    async fn a_verified_address_and_a_service_account_get_none() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let by = fixture.as_user(&ada, fixture.session(&ada).await);
        let verified = send_verification(&fixture.identity, &by).await;
        assert!(matches!(verified, Err(Error::Verified)), "{verified:?}");
        let program = send_verification(&fixture.identity, &fixture.as_service()).await;
        assert!(matches!(program, Err(Error::NoUser)), "{program:?}");
        assert!(fixture.deliver().await.is_empty());
    }
}
