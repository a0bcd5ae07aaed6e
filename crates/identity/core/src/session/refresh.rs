//! Issues a new pair of tokens for a refresh token, which serves once (RFC 9700 section 4.14).

use bailiwick_types::{
    Authorized, Method as _, ScopeRoot, SessionId, StoreError, Token, UserId, faults,
    method::identity::Refresh,
};
use secrecy::SecretString;

use super::{IssueError, TokenPair, issue_pair};
use crate::{Identity, change::Change, peer::PeerError, secret::Digest};

/// The refresh token.
#[derive(Debug, Clone)]
pub struct Command {
    /// The refresh token.
    pub refresh_token: SecretString,
    /// What authorization must have seen when it is asked about the membership.
    pub token: Token,
}

faults! {
    /// Why there are no new tokens.
    Error: Issue(IssueError), Peer(PeerError), Store(StoreError);
    /// It is unknown, used or expired, or its session or user is not active: one answer for all.
    Invalid "the refresh token is not valid" => Unauthenticated CredentialsInvalid;
    /// It was used twice: its session is ended.
    Reused(SessionId) "the refresh token is not valid" => Unauthenticated CredentialsInvalid;
    /// The user is no longer an active member of the account.
    NotMember "the user may not sign in for this account" => PermissionDenied PermissionDenied;
}

/// Uses the token up and issues new ones.
///
/// # Errors
/// See [`Error`].
pub async fn refresh(
    identity: &Identity,
    _by: &Authorized<Refresh>,
    command: &Command,
) -> Result<TokenPair, Error> {
    let digest = Digest::of(&command.refresh_token);
    let stored = identity
        .store
        .refresh_token(&digest)
        .await?
        .ok_or(Error::Invalid)?;
    let session = identity
        .store
        .session(stored.session)
        .await?
        .ok_or(Error::Invalid)?;
    let now = identity.clock.now();
    if stored.used.is_none() {
        if !session.is_live(now) || now >= stored.expires {
            return Err(Error::Invalid);
        }
        if let Some(account) = session.account
            && !identity
                .members
                .is_active(account, session.user, &command.token)
                .await?
        {
            return Err(Error::NotMember);
        }
    }
    rotate(identity, &digest, session.id, session.user).await
}

async fn rotate(
    identity: &Identity,
    digest: &Digest,
    id: SessionId,
    user: UserId,
) -> Result<TokenPair, Error> {
    let root = ScopeRoot::User(user);
    let now = identity.clock.now();
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let session = write.session(id).await?;
    let session = session
        .filter(|session| session.is_live(now))
        .ok_or(Error::Invalid)?;
    if !write.use_refresh_token(digest, now).await? {
        write.end_session(id, now).await?;
        write.emit(&root, Change::SessionRevoked { session: id, user })?;
        let action = Refresh::DECLARATION.path.trim_start_matches('/');
        write.emit(&root, Change::by_the_suite(action, format!("session:{id}")))?;
        write.commit().await?;
        return Err(Error::Reused(id));
    }
    let known = write.credentials(user).await?;
    if !known.is_some_and(|known| known.may_sign_in()) {
        return Err(Error::Invalid);
    }
    let tokens = issue_pair(identity, &mut *write, &session, now).await?;
    write.commit().await?;
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fixture::{Fixture, account},
        session::{Reader as _, sign_out},
        store::Store as _,
        user::User,
    };

    async fn run(fixture: &Fixture, token: &SecretString) -> Result<TokenPair, Error> {
        let command = Command {
            refresh_token: token.clone(),
            token: Token::default(),
        };
        refresh(&fixture.identity, &fixture.anonymous(), &command).await
    }
    async fn signed_in(fixture: &Fixture) -> (User, SessionId, SecretString) {
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.admit(account(), ada.id);
        let done = fixture.sign_in(&ada, Some(account())).await;
        (ada, done.session, done.tokens.refresh)
    }

    #[tokio::test]
    async fn a_refresh_token_is_exchanged_for_a_new_pair() {
        let fixture = Fixture::new().await;
        let (.., token) = signed_in(&fixture).await;
        let next = run(&fixture, &token).await.unwrap();
        run(&fixture, &next.refresh).await.unwrap();
    }

    #[tokio::test]
    async fn an_unknown_refresh_token_is_not_valid() {
        let fixture = Fixture::new().await;
        let unknown = run(&fixture, &"bwr_unknown".into()).await;
        assert!(matches!(unknown, Err(Error::Invalid)), "{unknown:?}");
    }

    #[tokio::test]
    async fn a_refresh_token_that_is_used_twice_ends_the_session() {
        let fixture = Fixture::new().await;
        let (ada, session, token) = signed_in(&fixture).await;
        let next = run(&fixture, &token).await.unwrap();
        fixture.store.take_changes();
        let again = run(&fixture, &token).await;
        assert!(
            matches!(again, Err(Error::Reused(id)) if id == session),
            "{again:?}"
        );
        let audited = Change::by_the_suite(
            "bailiwick.identity.v1.AuthenticationService/Refresh",
            format!("session:{session}"),
        );
        let revoked = Change::SessionRevoked {
            session,
            user: ada.id,
        };
        assert_eq!(fixture.store.take_changes(), [revoked, audited]);
        let ended = run(&fixture, &next.refresh).await;
        assert!(matches!(ended, Err(Error::Invalid)), "{ended:?}");
    }

    #[tokio::test]
    async fn a_session_that_was_ended_is_not_refreshed() {
        let fixture = Fixture::new().await;
        let (ada, session, token) = signed_in(&fixture).await;
        sign_out(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        let ended = run(&fixture, &token).await;
        assert!(matches!(ended, Err(Error::Invalid)), "{ended:?}");
    }

    #[tokio::test]
    async fn a_session_expires_when_it_is_idle_or_old() {
        let fixture = Fixture::new().await;
        let (ada, _, mut token) = signed_in(&fixture).await;
        for _ in 0..6 {
            fixture.clock.advance(Duration::from_hours(48));
            token = run(&fixture, &token).await.unwrap().refresh;
        }
        fixture.clock.advance(Duration::from_hours(48));
        let old = run(&fixture, &token).await;
        assert!(matches!(old, Err(Error::Invalid)), "14 days: {old:?}");
        let token = fixture.sign_in(&ada, None).await.tokens.refresh;
        fixture.clock.advance(Duration::from_hours(72));
        let idle = run(&fixture, &token).await;
        assert!(matches!(idle, Err(Error::Invalid)), "3 days idle: {idle:?}");
    }

    #[tokio::test]
    async fn a_former_member_gets_no_tokens_and_keeps_its_refresh_token() {
        let fixture = Fixture::new().await;
        let (ada, session, token) = signed_in(&fixture).await;
        fixture.authorization.expel(account(), ada.id);
        let refused = run(&fixture, &token).await;
        assert!(matches!(refused, Err(Error::NotMember)), "{refused:?}");
        fixture
            .authorization
            .fails(crate::peer::PeerError::Unavailable.into());
        let unknown = run(&fixture, &token).await;
        assert!(matches!(unknown, Err(Error::Peer(_))), "{unknown:?}");
        assert!(
            fixture
                .store
                .session(session)
                .await
                .unwrap()
                .unwrap()
                .ended
                .is_none()
        );
        fixture.authorization.answers();
        fixture.authorization.admit(account(), ada.id);
        run(&fixture, &token).await.unwrap();
    }

    #[tokio::test]
    async fn a_user_that_is_being_disabled_gets_no_tokens() {
        let fixture = Fixture::new().await;
        let (ada, _, token) = signed_in(&fixture).await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        let refused = run(&fixture, &token).await;
        assert!(matches!(refused, Err(Error::Invalid)), "{refused:?}");
    }
}
