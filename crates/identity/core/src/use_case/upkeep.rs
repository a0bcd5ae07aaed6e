//! What is done from time to time: disablings that were cut are finished, what nobody needs is removed, keys change.

use std::time::Duration;

use bailiwick_types::{ServiceAccountId, SessionId, Timestamp, UserId};

use super::disable_user;
use crate::{Identity, fault::fault, port::StoreError, signing::KeysError};

/// An intent of that age belongs to nobody any more.
const ABANDONED: Duration = Duration::from_secs(10);
/// How long an answered request is known again.
const REQUESTS_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How long an expired session is kept, so that a late use of its tokens still answers by name.
const SESSIONS_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// At most so many rows at once.
const BATCH: u64 = 500;

/// Why it was not all done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The keys could not be looked after.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A disabling could not be finished.
    #[error(transparent)]
    Disable(#[from] disable_user::Error),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error {} [Keys, Disable, Store]);

/// Finishes what was cut between the intent and the change of disablings, and tells whose.
///
/// # Errors
/// Nothing could be finished: the store or authorization does not answer.
pub async fn finish_disablings(identity: &Identity) -> Result<Vec<UserId>, Error> {
    let mut done = Vec::new();
    let mut failed = None;
    for closing in identity.store.closings(ago(identity, ABANDONED), BATCH).await? {
        match disable_user::finish(identity, &closing).await {
            Ok(disabled) => done.push(disabled.user.id),
            // The user stays enabled, as its caller was told or will find.
            Err(disable_user::Error::Holder { .. } | disable_user::Error::NotFound) => {}
            Err(error @ disable_user::Error::Later(_)) => {
                failed = Some(error);
                // The next one would only wait for the same peer.
                break;
            }
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if done.is_empty() => Err(error.into()),
        _ => Ok(done),
    }
}

/// What a process that starts must refuse although its signature and time are good: what was ended while access tokens
/// for it can still be out.
///
/// # Errors
/// The store does not answer.
pub async fn recently_ended(
    identity: &Identity,
) -> Result<(Vec<SessionId>, Vec<ServiceAccountId>), StoreError> {
    let since = ago(identity, identity.lifetimes.access);
    let sessions = identity.store.sessions_ended_since(since).await?;
    Ok((sessions, identity.store.disabled_service_accounts().await?))
}

/// Removes what nobody needs any more.
///
/// # Errors
/// The store does not answer.
pub async fn purge(identity: &Identity) -> Result<(), Error> {
    loop {
        let mut unit = identity.store.begin(&[]).await?;
        let removed = unit.purge_sessions(ago(identity, SESSIONS_KEPT), BATCH).await?;
        unit.commit().await?;
        if removed < BATCH {
            break;
        }
    }
    let mut unit = identity.store.begin(&[]).await?;
    unit.purge_requests(ago(identity, REQUESTS_KEPT)).await?;
    unit.purge_failures(ago(identity, identity.throttle.window))
        .await?;
    unit.commit().await?;
    Ok(())
}

/// Looks after the signing keys.
///
/// # Errors
/// The store does not answer, or a key cannot be read.
pub async fn maintain_keys(identity: &Identity) -> Result<(), Error> {
    Ok(identity.keys.maintain(&*identity.store).await?)
}

fn ago(identity: &Identity, time: Duration) -> Timestamp {
    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Timestamp(identity.clock.now().0.saturating_sub(micros))
}
