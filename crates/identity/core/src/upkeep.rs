//! What the suite does by itself: it finishes disablings, removes old rows and rotates keys.

use std::time::Duration;

use bailiwick_types::{ServiceAccountId, SessionId, StoreError, Subject, System, faults};

use crate::{
    Identity, api_key,
    operator::revoke,
    second_factor, service_account,
    session::LONGEST_ACCESS,
    signing::KeysError,
    user::{Access, delete, disable},
};

/// The age at which the call that wrote an intent is taken for dead.
const ABANDONED: Duration = Duration::from_secs(10);
/// By how much the clock of another process, to which a token has not expired yet, may be behind.
const CLOCK_SKEW: Duration = Duration::from_mins(1);
/// How long answered requests are recognized.
const REQUESTS_KEPT: Duration = Duration::from_hours(168);
/// How long expired sessions are kept.
const SESSIONS_KEPT: Duration = Duration::from_hours(24);
/// The largest number of rows at once.
const BATCH: u64 = 500;

faults! {
    /// Why the work is not done.
    Error: Keys(KeysError), Disable(disable::Error), Delete(delete::Error),
        DisableService(service_account::disable::Error), Revoke(revoke::Error), Store(StoreError);
}

/// Finishes deletions of users, disablings of users and service accounts, and revocations of the operator's
/// role, that were interrupted after their intent. The answer is whose.
///
/// # Errors
/// None was finished: the store or authorization failed.
pub async fn finish_disablings(identity: &Identity, _by: &System) -> Result<Vec<Subject>, Error> {
    let mut done = Vec::new();
    let mut failed: Option<Error> = None;
    for closing in identity.store.closings(identity.ago(ABANDONED), BATCH).await? {
        let finished = match closing.access {
            Access::All => disable::finish(identity, &closing)
                .await
                .map(drop)
                .map_err(Error::from),
            Access::Existence => delete::finish(identity, &closing)
                .await
                .map(drop)
                .map_err(Error::from),
            Access::Operator => revoke::finish(identity, &closing)
                .await
                .map(drop)
                .map_err(Error::from),
        };
        match finished {
            Ok(()) => done.push(Subject::user(closing.user)),
            // The user keeps its access.
            Err(
                Error::Disable(disable::Error::Holder(_) | disable::Error::Refused(_))
                | Error::Delete(delete::Error::Holder(_))
                | Error::Revoke(revoke::Error::Holder(_) | revoke::Error::Refused(_)),
            ) => {}
            Err(
                error @ (Error::Disable(disable::Error::Later)
                | Error::Delete(delete::Error::Later)
                | Error::Revoke(revoke::Error::Later)),
            ) => {
                failed = Some(error);
                // The next one would wait for the same peer.
                break;
            }
            Err(error) => failed = Some(error),
        }
    }
    let before = identity.ago(ABANDONED);
    for closing in identity.store.service_closings(before, BATCH).await? {
        match service_account::disable::finish(identity, &closing).await {
            Ok((account, _)) => done.push(Subject::service(account.id)),
            Err(service_account::disable::Error::Refused(_)) => {}
            Err(error @ service_account::disable::Error::Later) => {
                failed = Some(error.into());
                break;
            }
            Err(error) => failed = Some(error.into()),
        }
    }
    match failed {
        Some(error) if done.is_empty() => Err(error),
        _ => Ok(done),
    }
}

/// What ended although access tokens of it have not expired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Sessions.
    pub sessions: Vec<SessionId>,
    /// Service accounts.
    pub services: Vec<ServiceAccountId>,
    /// Single access tokens, by their id.
    pub tokens: Vec<String>,
}

/// What a starting process must refuse although its access tokens have not expired.
///
/// # Errors
/// The store failed.
pub async fn recently_ended(identity: &Identity, _by: &System) -> Result<Ended, StoreError> {
    let since = identity.ago(LONGEST_ACCESS + CLOCK_SKEW);
    Ok(Ended {
        sessions: identity.store.sessions_ended_since(since).await?,
        services: identity.store.disabled_service_accounts().await?,
        tokens: identity.store.revoked_tokens(identity.ago(CLOCK_SKEW)).await?,
    })
}

/// Removes rows that are no longer needed.
///
/// # Errors
/// The store failed.
pub async fn purge(identity: &Identity, _by: &System) -> Result<(), Error> {
    loop {
        let mut write = identity.store.write(&[]).await?;
        let before = identity.ago(SESSIONS_KEPT);
        let sessions = write.purge_sessions(before, BATCH).await?;
        let removed = sessions.max(write.purge_tokens(before, BATCH).await?);
        write.commit().await?;
        if removed < BATCH {
            break;
        }
    }
    let mut write = identity.store.write(&[]).await?;
    write.purge_requests(identity.ago(REQUESTS_KEPT)).await?;
    write.commit().await?;
    let now = identity.clock.now();
    loop {
        // A unit for each: it holds no row of one while it waits for another.
        let mut write = identity.store.write(&[]).await?;
        let counters = write.purge_counters(now, BATCH).await?;
        write.commit().await?;
        let mut write = identity.store.write(&[]).await?;
        let devices = write.purge_devices(now, BATCH).await?;
        write.commit().await?;
        let mut write = identity.store.write(&[]).await?;
        let challenges = write.purge_challenges(now, BATCH).await?;
        write.commit().await?;
        let mut write = identity.store.write(&[]).await?;
        let secrets = write.purge_one_time_secrets(now, BATCH).await?;
        let keys = write.purge_api_keys(identity.ago(api_key::KEPT), BATCH).await?;
        write.commit().await?;
        if counters.max(devices).max(challenges).max(secrets).max(keys) < BATCH {
            break;
        }
    }
    identity.admission.forget_idle();
    Ok(())
}

/// Creates, rotates, encrypts and removes signing keys as they are due.
///
/// # Errors
/// The store failed, or a key is not readable.
pub async fn maintain_keys(identity: &Identity, _by: &System) -> Result<(), KeysError> {
    identity.keys.maintain(&*identity.store).await
}

/// Encrypts the secrets of authenticators that are still in plain text although keys are encrypted.
///
/// # Errors
/// The store failed, or a secret is not readable; the others are encrypted then.
pub async fn encrypt_secrets(identity: &Identity, _by: &System) -> Result<(), KeysError> {
    second_factor::encrypt(identity).await
}

#[cfg(test)]
mod tests {
    use bailiwick_testkit::witness::system;
    use bailiwick_types::UserId;

    use super::*;
    use crate::{
        api_key::Reader as _,
        fixture::Fixture,
        peer::{CloseError, PeerError},
        secret::Digest,
        service_account::Reader as _,
        session::{Reader as _, refresh, sign_out},
        store::Store as _,
        user::{Reader as _, UserState},
    };

    async fn interrupted(fixture: &Fixture) -> UserId {
        let ada = fixture.user("ada@example.com").await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        ada.id
    }

    #[tokio::test]
    async fn an_interrupted_disabling_is_finished_once_it_is_old() {
        let fixture = Fixture::new().await;
        let ada = interrupted(&fixture).await;
        let early = finish_disablings(&fixture.identity, &system()).await.unwrap();
        assert_eq!(early, [], "its call may still be running");
        fixture.clock.advance(Duration::from_secs(11));
        assert_eq!(
            finish_disablings(&fixture.identity, &system()).await.unwrap(),
            [Subject::user(ada)]
        );
        let user = fixture.store.user(ada).await.unwrap().unwrap();
        assert_eq!(user.state, UserState::Disabled);
        assert_eq!(finish_disablings(&fixture.identity, &system()).await.unwrap(), []);
    }

    #[tokio::test]
    async fn an_interrupted_disabling_of_a_service_account_is_finished_once_it_is_old() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.service_account("Reports").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let by = fixture.operator();
        assert!(
            service_account::disable(&fixture.identity, &by, account.id)
                .await
                .is_err()
        );
        fixture.clock.advance(Duration::from_secs(11));
        let failed = finish_disablings(&fixture.identity, &system()).await;
        let later = service_account::disable::Error::Later;
        assert!(
            matches!(&failed, Err(Error::DisableService(error)) if error.to_string() == later.to_string()),
            "{failed:?}"
        );
        fixture.authorization.answers();
        let done = finish_disablings(&fixture.identity, &system()).await.unwrap();
        assert_eq!(done, [Subject::service(account.id)]);
        let told = fixture.authorization.closed_services();
        assert_eq!(told, [(account.id, account.version + 1)]);
        let stored = fixture.store.service_account(account.id).await.unwrap().unwrap();
        assert!(!stored.enabled);
        assert_eq!(finish_disablings(&fixture.identity, &system()).await.unwrap(), []);
    }

    #[tokio::test]
    async fn an_interrupted_disabling_waits_for_authorization() {
        let fixture = Fixture::new().await;
        interrupted(&fixture).await;
        fixture.clock.advance(Duration::from_secs(11));
        fixture.authorization.fails(PeerError::Unavailable.into());
        let failed = finish_disablings(&fixture.identity, &system()).await;
        assert!(
            matches!(failed, Err(Error::Disable(disable::Error::Later))),
            "{failed:?}"
        );
    }

    #[tokio::test]
    async fn an_interrupted_disabling_that_authorization_refuses_is_withdrawn() {
        let fixture = Fixture::new().await;
        let ada = interrupted(&fixture).await;
        fixture.clock.advance(Duration::from_secs(11));
        fixture
            .authorization
            .fails(CloseError::Refused("last admin".to_owned()));
        assert_eq!(finish_disablings(&fixture.identity, &system()).await.unwrap(), []);
        assert!(
            fixture
                .store
                .credentials(ada)
                .await
                .unwrap()
                .unwrap()
                .may_sign_in()
        );
    }

    #[tokio::test]
    async fn a_starting_process_learns_of_sessions_that_were_ended_during_the_life_of_an_access_token() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (ended, _live) = (fixture.session(&ada).await, fixture.session(&ada).await);
        sign_out(&fixture.identity, &fixture.as_user(&ada, ended))
            .await
            .unwrap();
        let found = recently_ended(&fixture.identity, &system()).await.unwrap();
        assert_eq!(found.sessions, [ended]);
        fixture.clock.advance(Duration::from_secs(3_661));
        let found = recently_ended(&fixture.identity, &system()).await.unwrap();
        assert_eq!(found.sessions, []);
    }

    #[tokio::test]
    async fn sessions_are_purged_a_day_after_they_expired() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        fixture.clock.advance(Duration::from_hours(360));
        purge(&fixture.identity, &system()).await.unwrap();
        assert!(fixture.store.session(session).await.unwrap().is_some());
        fixture.clock.advance(Duration::from_secs(1));
        purge(&fixture.identity, &system()).await.unwrap();
        assert_eq!(fixture.store.session(session).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_starting_process_learns_of_access_tokens_that_were_revoked_and_have_not_expired() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let token = fixture.sign_in(&ada, None).await.tokens.refresh;
        let mut lost = None;
        for _ in 0..2 {
            let command = refresh::Command {
                refresh_token: token.clone(),
                token: bailiwick_types::Token::default(),
            };
            let done = refresh(&fixture.identity, &fixture.anonymous(), &command).await;
            lost = done.unwrap().revoked;
            fixture.clock.advance(Duration::from_secs(1));
        }
        let found = recently_ended(&fixture.identity, &system()).await.unwrap();
        assert_eq!(found.tokens, [lost.unwrap()]);
        fixture.clock.advance(Duration::from_secs(3_661));
        let found = recently_ended(&fixture.identity, &system()).await.unwrap();
        assert_eq!(found, Ended::default());
    }

    #[tokio::test]
    async fn a_shorter_lifetime_of_access_tokens_revives_none_that_was_issued_before() {
        let mut fixture = Fixture::new().await;
        fixture.identity.lifetimes.access = Duration::from_hours(1);
        let ada = fixture.user("ada@example.com").await;
        let ended = fixture.session(&ada).await;
        let command = refresh::Command {
            refresh_token: fixture.sign_in(&ada, None).await.tokens.refresh,
            token: bailiwick_types::Token::default(),
        };
        refresh(&fixture.identity, &fixture.anonymous(), &command)
            .await
            .unwrap();
        // The service starts again with another configuration.
        fixture.identity.lifetimes.access = Duration::from_mins(1);
        fixture.clock.advance(Duration::from_secs(1));
        let done = refresh(&fixture.identity, &fixture.anonymous(), &command).await;
        let lost = done.unwrap().revoked.unwrap();
        sign_out(&fixture.identity, &fixture.as_user(&ada, ended))
            .await
            .unwrap();
        fixture.clock.advance(Duration::from_mins(58));
        let found = recently_ended(&fixture.identity, &system()).await.unwrap();
        assert_eq!((found.sessions, found.tokens), (vec![ended], vec![lost]));
    }

    #[tokio::test]
    async fn used_refresh_tokens_are_purged_a_day_after_they_expired() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let first = fixture.sign_in(&ada, None).await.tokens.refresh;
        let mut last = first.clone();
        for _ in 0..5 {
            let command = refresh::Command {
                refresh_token: last,
                token: bailiwick_types::Token::default(),
            };
            let done = refresh(&fixture.identity, &fixture.anonymous(), &command).await;
            last = done.unwrap().tokens.refresh;
            fixture.clock.advance(Duration::from_hours(19));
        }
        let digest = Digest::of(&first);
        fixture.clock.advance(Duration::from_hours(72 + 24 - 5 * 19));
        purge(&fixture.identity, &system()).await.unwrap();
        assert!(fixture.store.refresh_token(&digest).await.unwrap().is_some());
        fixture.clock.advance(Duration::from_secs(1));
        purge(&fixture.identity, &system()).await.unwrap();
        assert_eq!(fixture.store.refresh_token(&digest).await.unwrap(), None);
        assert!(
            fixture
                .store
                .refresh_token(&Digest::of(&last))
                .await
                .unwrap()
                .is_some()
        );
    }

    #[tokio::test]
    async fn api_keys_are_purged_thirty_days_after_their_end() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (expires, _) = fixture.api_key(&ada).await;
        let (revoked, _) = fixture.api_key(&ada).await;
        let by = fixture.of_account(crate::fixture::account());
        api_key::revoke(&fixture.identity, &by, revoked.id())
            .await
            .unwrap();
        let known = async || {
            purge(&fixture.identity, &system()).await.unwrap();
            let mut known = Vec::new();
            for key in [&expires, &revoked] {
                known.push(fixture.store.api_key(key.id()).await.unwrap().is_some());
            }
            known
        };
        fixture.clock.advance(api_key::KEPT);
        assert_eq!(known().await, [true, true]);
        fixture.clock.advance(Duration::from_secs(1));
        assert_eq!(known().await, [true, false]);
        let life = expires.expires.since(expires.created);
        fixture.clock.advance(life);
        assert_eq!(known().await, [false, false]);
    }

    #[tokio::test]
    async fn a_key_is_rotated_when_it_is_due() {
        let fixture = Fixture::new().await;
        maintain_keys(&fixture.identity, &system()).await.unwrap();
        assert_eq!(fixture.identity.keys.ring().public().count(), 1);
        fixture.clock.advance(Duration::from_hours(2160));
        maintain_keys(&fixture.identity, &system()).await.unwrap();
        assert_eq!(fixture.identity.keys.ring().public().count(), 2);
    }
}
