//! Proves an authenticator: it is the user's second factor from then on.

use std::time::Duration;

use bailiwick_types::{
    Authorized, ScopeRoot, StoreError, Token, faults, method::identity::ConfirmSecondFactor,
};
use secrecy::SecretString;

use super::{ProveError, RecoveryCodes, Totp, prove};
use crate::{
    Identity,
    attempt::{self, AttemptError, Guesser},
    change::Change,
    session::own,
};

/// For how long a secret may be proved.
const PENDING: Duration = Duration::from_mins(15);

faults! {
    /// Why the second factor does not count.
    Error: Attempt(AttemptError), Prove(ProveError), Store(StoreError);
    /// The caller is not a user.
    NoSession "only a user has a second factor" => PermissionDenied PermissionDenied;
    /// Nothing waits for a proof.
    NotPending "no second factor waits to be confirmed; call EnrollSecondFactor"
        => FailedPrecondition NotActive;
    /// The code is wrong.
    Wrong "the code is wrong" => Unauthenticated CredentialsInvalid;
}

/// A second factor that counts.
#[derive(Debug)]
pub struct Confirmed {
    /// The recovery codes.
    pub codes: RecoveryCodes,
    /// The write.
    pub token: Token,
}

/// Proves the authenticator with a code of it.
///
/// # Errors
/// See [`Error`].
pub async fn confirm(
    identity: &Identity,
    by: &Authorized<ConfirmSecondFactor>,
    code: &SecretString,
) -> Result<Confirmed, Error> {
    let (user, session) = own(by).ok_or(Error::NoSession)?;
    let attempt = attempt::guess(identity, Guesser::SignedIn(session)).await?;
    let root = ScopeRoot::User(user);
    let now = identity.clock.now();
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let pending = |totp: &Totp| totp.confirmed.is_none() && now.since(totp.created) < PENDING;
    let totp = write.totp(user).await?.filter(pending);
    let totp = totp.ok_or(Error::NotPending)?;
    if !prove(identity, &mut *write, &totp, code).await? {
        return Err(Error::Wrong);
    }
    let proved = write.totp(user).await?.unwrap_or(totp);
    let confirmed = Totp {
        confirmed: Some(now),
        ..proved
    };
    write.put_totp(&confirmed).await?;
    let codes = RecoveryCodes::generate(&*identity.rng);
    write.put_recovery_codes(user, &codes.digests(user)).await?;
    attempt.succeed(&mut *write).await?;
    write.emit(&root, Change::by(by, format!("user:{user}")))?;
    let token = write.commit().await?;
    Ok(Confirmed { codes, token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Fixture, PASSWORD},
        second_factor::{
            Reader as _, enroll,
            tests::{code_at, enrolled, opened},
        },
        session::{UserAgent, sign_in},
    };

    #[tokio::test]
    async fn a_second_factor_counts_once_it_is_proved() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let by = || fixture.as_user(&ada, session);
        let none = confirm(&fixture.identity, &by(), &"123456".into()).await;
        assert!(matches!(none, Err(Error::NotPending)), "{none:?}");
        enroll(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        let secret = opened(&fixture, ada.id).await;
        let wrong = confirm(&fixture.identity, &by(), &"000000".into()).await;
        assert!(matches!(wrong, Err(Error::Wrong)), "{wrong:?}");
        fixture.session(&ada).await;
        fixture.store.take_changes();
        let code = code_at(&secret, fixture.identity.clock.now());
        let done = confirm(&fixture.identity, &by(), &code.clone().into())
            .await
            .unwrap();
        assert_eq!(done.codes.expose().len(), 10);
        assert_eq!(fixture.store.recovery_codes(ada.id).await.unwrap(), 10);
        let audited = Change::by::<ConfirmSecondFactor>(&by(), format!("user:{}", ada.id));
        assert_eq!(fixture.store.take_changes(), [audited]);
        let command = sign_in::Command {
            email: ada.email.clone(),
            password: PASSWORD.into(),
            account: None,
            device: None,
            agent: UserAgent::default(),
            token: Token::default(),
        };
        let next = fixture
            .sign_in_anyway(&command, Default::default())
            .await
            .unwrap();
        assert!(matches!(next, sign_in::Outcome::Challenged(_)), "{next:?}");
        let again = confirm(&fixture.identity, &by(), &code.into()).await;
        assert!(matches!(again, Err(Error::NotPending)), "{again:?}");
    }

    #[tokio::test]
    async fn a_secret_that_was_shown_long_ago_is_not_proved_any_more() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        enroll(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        let secret = opened(&fixture, ada.id).await;
        fixture.clock.advance(PENDING);
        let code = code_at(&secret, fixture.identity.clock.now());
        let late = confirm(&fixture.identity, &fixture.as_user(&ada, session), &code.into()).await;
        assert!(matches!(late, Err(Error::NotPending)), "{late:?}");
    }

    #[tokio::test]
    async fn wrong_codes_are_limited() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        enroll(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        for _ in 0..fixture.identity.throttle.near.most {
            let wrong = confirm(
                &fixture.identity,
                &fixture.as_user(&ada, session),
                &"000000".into(),
            )
            .await;
            assert!(matches!(wrong, Err(Error::Wrong)), "{wrong:?}");
        }
        let late = confirm(
            &fixture.identity,
            &fixture.as_user(&ada, session),
            &"000000".into(),
        )
        .await;
        assert!(matches!(late, Err(Error::Attempt(_))), "{late:?}");
        // The tests of other files enroll like this.
        let bob = fixture.user("bob@example.com").await;
        let session = fixture.session(&bob).await;
        enrolled(&fixture, &bob, session).await;
    }
}
