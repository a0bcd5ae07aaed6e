//! Uses up the Reauthenticate of a session.

use bailiwick_types::{SessionId, Timestamp};

use crate::{
    Identity,
    fault::{fault, no_wait},
    port::StoreError,
};

/// Why there was nothing to use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no Reauthenticate of the last five minutes that was not used.
    #[error("the session has no Reauthenticate of the last five minutes")]
    Missing,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error { Missing => FailedPrecondition StepUpRequired, } [Store]);
no_wait!(Error);

/// Uses it up; of two calls at once one has it.
///
/// # Errors
/// There is none.
pub async fn run(identity: &Identity, session: SessionId) -> Result<(), Error> {
    let now = identity.clock.now();
    let age = i64::try_from(identity.lifetimes.step_up.as_micros()).unwrap_or(i64::MAX);
    let not_before = Timestamp(now.0.saturating_sub(age));
    let mut unit = identity.store.begin(&[]).await?;
    let had = unit.consume_step_up(session, not_before, now).await?;
    unit.commit().await?;
    if had { Ok(()) } else { Err(Error::Missing) }
}
