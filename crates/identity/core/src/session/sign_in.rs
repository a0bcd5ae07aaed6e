//! Signs a user in with e-mail address and password, for an account or for none.

use bailiwick_types::{
    AccountId, Authorized, Email, EmailKey, ScopeRoot, SessionId, StoreError, Token, UserId, faults,
    method::identity::SignIn,
};
use secrecy::SecretString;

use super::{IssueError, Session, TokenPair, issue_pair};
use crate::{
    Identity,
    attempt::{self, AttemptError},
    peer::PeerError,
};

/// The credentials.
#[derive(Debug, Clone)]
pub struct Command {
    /// E-mail address.
    pub email: Email,
    /// Password.
    pub password: SecretString,
    /// The account to sign in for.
    pub account: Option<AccountId>,
    /// What authorization must have seen when it is asked about the membership.
    pub token: Token,
}

/// A user that is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The tokens.
    pub tokens: TokenPair,
    /// The user's revision: a new user may not have reached the other services when it signs in first.
    pub token: Token,
}

faults! {
    /// Why the user is not signed in.
    Error: Attempt(AttemptError), Issue(IssueError), Peer(PeerError), Store(StoreError);
    /// There is no such user, it may not sign in, or the password is wrong: one answer for all.
    Wrong "wrong e-mail address or password" => Unauthenticated CredentialsInvalid;
    /// The password is right, but the user is not an active member of the account.
    NotMember "the user may not sign in for this account" => PermissionDenied PermissionDenied;
}

/// Signs the user in.
///
/// # Errors
/// See [`Error`].
pub async fn sign_in(
    identity: &Identity,
    _by: &Authorized<SignIn>,
    command: &Command,
) -> Result<SignedIn, Error> {
    let email = command.email.key();
    let known = identity.store.credentials_by_email(&email).await?;
    if !attempt::verify(identity, &email, known.as_ref(), &command.password).await? {
        return Err(Error::Wrong);
    }
    let user = known.ok_or(Error::Wrong)?.user.id;
    if let Some(account) = command.account
        && !identity.members.is_active(account, user, &command.token).await?
    {
        return Err(Error::NotMember);
    }
    begin_session(identity, user, &email, command.account).await
}

async fn begin_session(
    identity: &Identity,
    user: UserId,
    email: &EmailKey,
    account: Option<AccountId>,
) -> Result<SignedIn, Error> {
    let now = identity.clock.now();
    let session = Session {
        id: SessionId::generate(&*identity.ids),
        user,
        account,
        created: now,
        expires: now.plus(identity.lifetimes.session),
        ended: None,
        stepped_up: None,
    };
    // The user's root serializes sign-ins with a disabling: it ends the session, or the sign-in sees it.
    let mut write = identity.store.write(&[ScopeRoot::User(user)]).await?;
    let known = write.credentials(user).await?;
    if !known.is_some_and(|known| known.may_sign_in()) {
        return Err(Error::Wrong);
    }
    attempt::succeed(identity, &mut *write, email).await?;
    write.insert_session(&session).await?;
    let tokens = issue_pair(identity, &mut *write, &session, now).await?;
    let token = write.commit().await?;
    Ok(SignedIn {
        user,
        session: session.id,
        token,
        tokens,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fixture::{Fixture, PASSWORD, account},
        peer::PeerError,
        session::Reader as _,
        store::Store as _,
    };

    fn command(email: &str, password: &str) -> Command {
        Command {
            email: email.parse().unwrap(),
            password: password.into(),
            account: None,
            token: Token::default(),
        }
    }
    async fn run(fixture: &Fixture, command: &Command) -> Result<SignedIn, Error> {
        sign_in(&fixture.identity, &fixture.anonymous(), command).await
    }

    #[tokio::test]
    async fn a_member_gets_a_session_for_its_account() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.admit(account(), ada.id);
        let command = Command {
            account: Some(account()),
            ..command("ADA@example.com", PASSWORD)
        };
        let done = run(&fixture, &command).await.unwrap();
        let session = fixture.store.session(done.session).await.unwrap().unwrap();
        assert_eq!((session.user, session.account), (ada.id, Some(account())));
        let now = fixture.identity.clock.now();
        assert_eq!(done.tokens.session_expires, now.plus(Duration::from_hours(72)));
    }

    #[tokio::test]
    async fn unknown_users_wrong_passwords_and_users_without_password_are_refused_alike() {
        let fixture = Fixture::new().await;
        fixture.user("ada@example.com").await;
        fixture.user_without_password("bare@example.com").await;
        for email in ["ada@example.com", "bare@example.com", "unknown@example.com"] {
            let refused = run(&fixture, &command(email, "wrong password")).await;
            assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_disabled_user_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        crate::user::disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        let refused = run(&fixture, &command("ada@example.com", PASSWORD)).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_user_that_was_disabled_during_the_sign_in_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        let refused = begin_session(&fixture.identity, ada.id, &ada.email.key(), None).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn the_right_password_is_not_enough_for_the_account_of_others() {
        let fixture = Fixture::new().await;
        fixture.user("ada@example.com").await;
        let mut command = Command {
            account: Some(account()),
            ..command("ada@example.com", PASSWORD)
        };
        let refused = run(&fixture, &command).await;
        assert!(matches!(refused, Err(Error::NotMember)), "{refused:?}");
        command.password = "wrong password".into();
        let refused = run(&fixture, &command).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_sign_in_for_an_account_fails_without_authorization() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.admit(account(), ada.id);
        fixture.authorization.fails(PeerError::Unavailable.into());
        let command = Command {
            account: Some(account()),
            ..command("ada@example.com", PASSWORD)
        };
        let refused = run(&fixture, &command).await;
        assert!(matches!(refused, Err(Error::Peer(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn too_many_wrong_passwords_stop_the_right_one_until_the_window_ends() {
        let fixture = Fixture::new().await;
        fixture.user("ada@example.com").await;
        let (wrong, right) = (
            command("ada@example.com", "wrong password"),
            command("ada@example.com", PASSWORD),
        );
        for _ in 0..10 {
            let refused = run(&fixture, &wrong).await;
            assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
        }
        fixture.clock.advance(Duration::from_mins(1));
        let refused = run(&fixture, &right).await;
        let Err(Error::Attempt(AttemptError::Throttled(throttled))) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(throttled.wait, Duration::from_mins(14));
        fixture.clock.advance(throttled.wait);
        run(&fixture, &right).await.unwrap();
    }

    #[tokio::test]
    async fn a_sign_in_resets_the_count_of_failures() {
        let fixture = Fixture::new().await;
        fixture.user("ada@example.com").await;
        let (wrong, right) = (
            command("ada@example.com", "wrong password"),
            command("ada@example.com", PASSWORD),
        );
        for _ in 0..2 {
            for _ in 0..9 {
                let refused = run(&fixture, &wrong).await;
                assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
            }
            run(&fixture, &right).await.unwrap();
        }
    }
}
