//! Issues a new pair of tokens for a refresh token, which serves once (RFC 9700 section 4.14).
//!
//! A client that lost the answer repeats the call: the pair that it never saw is revoked, and it gets another
//! one. That holds for a short time, and as long as nobody has used the lost refresh token. In every other
//! case a refresh token that comes twice is in the hands of two, and its session ends.

use std::time::Duration;

use bailiwick_types::{
    Authorized, Method as _, ScopeRoot, SessionId, StoreError, Timestamp, Token, UserId, faults,
    method::identity::Refresh,
};
use secrecy::SecretString;

use super::{IssueError, LONGEST_ACCESS, Reader, RefreshToken, TokenPair, end_sessions, issue_pair};
use crate::{
    Identity,
    attempt::Throttled,
    change::Change,
    mail::{self, Kind, MailError},
    peer::PeerError,
    secret::Digest,
    store::Write,
};

/// For how long a lost answer is replaced.
const LOST_ANSWER: Duration = Duration::from_secs(30);
/// The shortest time between two refreshes of a session.
const PAUSE: Duration = Duration::from_secs(1);

/// The refresh token.
#[derive(Debug, Clone)]
pub struct Command {
    /// The refresh token.
    pub refresh_token: SecretString,
    /// What authorization must have seen when it is asked about the membership.
    pub token: Token,
}

/// A session that was refreshed.
#[derive(Debug, Clone)]
pub struct Refreshed {
    /// The tokens.
    pub tokens: TokenPair,
    /// The id of the access token that was revoked, because its answer was lost.
    pub revoked: Option<String>,
}

faults! {
    /// Why there are no new tokens.
    Error: Issue(IssueError), Peer(PeerError), Throttled(Throttled), Mail(MailError), Store(StoreError);
    /// It is unknown or expired, or its session or user is not active: one answer for all.
    Invalid "the refresh token is not valid" => Unauthenticated CredentialsInvalid;
    /// It was used twice: its session is ended.
    Reused(SessionId) "the refresh token is not valid" => Unauthenticated CredentialsInvalid;
    /// The user is no longer an active member of the account.
    NotMember "the user may not sign in for this account" => PermissionDenied PermissionDenied;
}

/// What is due for a refresh token of a live session.
enum Due {
    /// It is used for the first time.
    Use,
    /// Its answer was lost, with this refresh token in it.
    Replace(RefreshToken),
    /// Two have it.
    End,
}

/// Uses the token up and issues new ones.
///
/// # Errors
/// See [`Error`].
pub async fn refresh(
    identity: &Identity,
    _by: &Authorized<Refresh>,
    command: &Command,
) -> Result<Refreshed, Error> {
    let digest = Digest::of(&command.refresh_token);
    let store = &*identity.store;
    let stored = store.refresh_token(&digest).await?.ok_or(Error::Invalid)?;
    let session = store.session(stored.session).await?.ok_or(Error::Invalid)?;
    let now = identity.clock.now();
    if !session.is_live(now) {
        return Err(Error::Invalid);
    }
    // Whether somebody has stolen it does not depend on what authorization answers.
    if !matches!(due(store, &digest, now).await?, Due::End)
        && let Some(account) = session.account
        && !identity
            .members
            .is_active(account, session.user, &command.token)
            .await?
    {
        return Err(Error::NotMember);
    }
    rotate(identity, &digest, session.id, session.user).await
}

async fn due<R: Reader + ?Sized>(store: &R, digest: &Digest, now: Timestamp) -> Result<Due, Error> {
    let stored = store.refresh_token(digest).await?.ok_or(Error::Invalid)?;
    let Some(used) = stored.used else {
        return if now < stored.expires {
            Ok(Due::Use)
        } else {
            Err(Error::Invalid)
        };
    };
    let in_time = now < stored.expires && now.since(used) < LOST_ANSWER;
    let child = store.unused_child(digest).await?;
    Ok(child.filter(|_| in_time).map_or(Due::End, Due::Replace))
}

async fn rotate(
    identity: &Identity,
    digest: &Digest,
    id: SessionId,
    user: UserId,
) -> Result<Refreshed, Error> {
    let root = ScopeRoot::User(user);
    let now = identity.clock.now();
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let session = write.session(id).await?;
    let session = session
        .filter(|session| session.is_live(now))
        .ok_or(Error::Invalid)?;
    let due = due(&*write, digest, now).await?;
    if matches!(due, Due::End) {
        end_sessions(&mut *write, user, [id], now).await?;
        let action = Refresh::DECLARATION.name();
        write.emit(&root, Change::by_the_suite(action, format!("session:{id}")))?;
        if let Some(known) = write.credentials(user).await? {
            mail::notice(identity, &mut *write, Kind::RefreshTokenReused, &known.user).await?;
        }
        write.commit().await?;
        identity.outbox.wake();
        return Err(Error::Reused(id));
    }
    let known = write.credentials(user).await?;
    if !known.is_some_and(|known| known.may_sign_in()) {
        return Err(Error::Invalid);
    }
    if let Some(last) = session.refreshed
        && let Some(wait) = PAUSE.checked_sub(now.since(last))
        && !wait.is_zero()
    {
        return Err(Throttled { wait }.into());
    }
    let (spent, revoked) = match due {
        Due::Replace(child) => {
            let revoked = revoke_access(&mut *write, &root, &child).await?;
            (child.digest, revoked)
        }
        _ => (*digest, None),
    };
    if !write.use_refresh_token(&spent, now).await? {
        return Err(Error::Invalid);
    }
    write.refreshed(id, now).await?;
    let tokens = issue_pair(identity, &mut *write, &session, Some(*digest), now).await?;
    write.commit().await?;
    Ok(Refreshed { tokens, revoked })
}

/// Revokes the access token that was issued together with a refresh token.
async fn revoke_access(
    write: &mut dyn Write,
    root: &ScopeRoot,
    lost: &RefreshToken,
) -> Result<Option<String>, StoreError> {
    let Some(token) = lost.access.clone() else {
        return Ok(None);
    };
    let expires = lost.created.plus(LONGEST_ACCESS);
    if write.revoke_token(&token, expires).await? {
        let token = token.clone();
        write.emit(root, Change::TokenRevoked { token })?;
    }
    Ok(Some(token))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fixture::{Fixture, account},
        session::sign_out,
        store::Store as _,
        user::User,
    };

    async fn run(fixture: &Fixture, token: &SecretString) -> Result<TokenPair, Error> {
        let command = Command {
            refresh_token: token.clone(),
            token: Token::default(),
        };
        let done = refresh(&fixture.identity, &fixture.anonymous(), &command).await?;
        Ok(done.tokens)
    }
    /// After the pause that a session takes.
    async fn later(fixture: &Fixture, token: &SecretString) -> Result<TokenPair, Error> {
        fixture.clock.advance(PAUSE);
        run(fixture, token).await
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
        later(&fixture, &next.refresh).await.unwrap();
    }

    #[tokio::test]
    async fn an_unknown_refresh_token_is_not_valid() {
        let fixture = Fixture::new().await;
        let unknown = run(&fixture, &"bwr_unknown".into()).await;
        assert!(matches!(unknown, Err(Error::Invalid)), "{unknown:?}");
    }

    async fn ended(fixture: &Fixture, session: SessionId) -> bool {
        let stored = fixture.store.session(session).await.unwrap();
        stored.unwrap().ended.is_some()
    }

    #[tokio::test]
    async fn a_lost_answer_is_replaced_and_its_tokens_are_revoked() {
        let fixture = Fixture::new().await;
        let (_, session, token) = signed_in(&fixture).await;
        let mut lost = run(&fixture, &token).await.unwrap();
        for _ in 0..3 {
            fixture.store.take_changes();
            let next = later(&fixture, &token).await.unwrap();
            let token = lost.access.id;
            assert!(fixture.store.is_revoked(&token).await.unwrap());
            assert!(!fixture.store.is_revoked(&next.access.id).await.unwrap());
            assert_eq!(fixture.store.take_changes(), [Change::TokenRevoked { token }]);
            lost = next;
        }
        later(&fixture, &lost.refresh).await.unwrap();
        assert!(!ended(&fixture, session).await);
        assert!(fixture.deliver().await.is_empty());
    }

    #[tokio::test]
    async fn a_refresh_token_that_is_used_again_after_the_one_made_from_it_ends_the_session() {
        let fixture = Fixture::new().await;
        let (ada, session, token) = signed_in(&fixture).await;
        let next = run(&fixture, &token).await.unwrap();
        let last = later(&fixture, &next.refresh).await.unwrap();
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
        let letters = fixture.deliver().await;
        let told: Vec<_> = letters.iter().map(|letter| (&letter.to, letter.kind)).collect();
        assert_eq!(told, [(&ada.email, Kind::RefreshTokenReused)]);
        let ended = later(&fixture, &last.refresh).await;
        assert!(matches!(ended, Err(Error::Invalid)), "{ended:?}");
    }

    #[tokio::test]
    async fn a_lost_answer_is_not_replaced_after_thirty_seconds() {
        let fixture = Fixture::new().await;
        let (_, session, token) = signed_in(&fixture).await;
        run(&fixture, &token).await.unwrap();
        fixture.clock.advance(LOST_ANSWER);
        let late = run(&fixture, &token).await;
        assert!(matches!(late, Err(Error::Reused(_))), "{late:?}");
        assert!(ended(&fixture, session).await);
    }

    #[tokio::test]
    async fn a_revoked_refresh_token_that_somebody_uses_ends_the_session() {
        let fixture = Fixture::new().await;
        let (_, session, token) = signed_in(&fixture).await;
        let lost = run(&fixture, &token).await.unwrap();
        later(&fixture, &token).await.unwrap();
        let stolen = later(&fixture, &lost.refresh).await;
        assert!(matches!(stolen, Err(Error::Reused(_))), "{stolen:?}");
        assert!(ended(&fixture, session).await);
    }

    #[tokio::test]
    async fn one_that_was_used_and_has_expired_ends_the_session_too() {
        let fixture = Fixture::new().await;
        let (ada, session, token) = signed_in(&fixture).await;
        let next = run(&fixture, &token).await.unwrap();
        fixture.clock.advance(Duration::from_hours(71));
        run(&fixture, &next.refresh).await.unwrap();
        fixture.clock.advance(Duration::from_hours(2));
        // Authorization has no say in it.
        fixture.authorization.expel(account(), ada.id);
        let expired = run(&fixture, &token).await;
        assert!(matches!(expired, Err(Error::Reused(_))), "{expired:?}");
        assert!(ended(&fixture, session).await);
    }

    #[tokio::test]
    async fn a_hundred_at_once_leave_one_live_refresh_token() {
        let fixture = Fixture::new().await;
        let (_, session, token) = signed_in(&fixture).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (identity, by) = (fixture.identity.clone(), fixture.anonymous());
            let command = Command {
                refresh_token: token.clone(),
                token: Token::default(),
            };
            tasks.spawn(async move { refresh(&identity, &by, &command).await });
        }
        let mut given = Vec::new();
        while let Some(done) = tasks.join_next().await {
            match done.unwrap() {
                Ok(done) => given.push(done.tokens),
                Err(error) => assert!(matches!(error, Error::Throttled(_)), "{error:?}"),
            }
        }
        let [one] = &given[..] else {
            panic!("{} were answered", given.len())
        };
        assert!(!ended(&fixture, session).await);
        later(&fixture, &one.refresh).await.unwrap();
    }

    #[tokio::test]
    async fn a_session_is_refreshed_at_most_once_a_second_and_keeps_its_refresh_token() {
        let fixture = Fixture::new().await;
        let (.., token) = signed_in(&fixture).await;
        let next = run(&fixture, &token).await.unwrap();
        fixture.clock.advance(Duration::from_millis(400));
        let early = run(&fixture, &next.refresh).await;
        let Err(Error::Throttled(throttled)) = early else {
            panic!("{early:?}")
        };
        assert_eq!(throttled.wait, Duration::from_millis(600));
        fixture.clock.advance(throttled.wait);
        run(&fixture, &next.refresh).await.unwrap();
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
