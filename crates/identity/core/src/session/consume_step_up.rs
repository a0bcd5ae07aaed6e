//! Consumes the Reauthenticate of a session.

use bailiwick_types::{Authorized, SessionId, StoreError, System, faults, method::identity::ConsumeStepUp};

use crate::Identity;

faults! {
    /// Why there is nothing to consume.
    Error: Store(StoreError);
    /// There is no unused Reauthenticate of the last five minutes.
    Missing "the session has no unused Reauthenticate of the last five minutes"
        => FailedPrecondition StepUpRequired;
}

/// Consumes it for another service. One of two concurrent calls succeeds.
///
/// # Errors
/// See [`Error`].
pub async fn consume_step_up(
    identity: &Identity,
    _by: &Authorized<ConsumeStepUp>,
    session: SessionId,
) -> Result<(), Error> {
    consume(identity, session).await
}

/// Consumes it for the guard of this process.
///
/// # Errors
/// See [`Error`].
pub async fn consume_step_up_here(
    identity: &Identity,
    _by: &System,
    session: SessionId,
) -> Result<(), Error> {
    consume(identity, session).await
}

async fn consume(identity: &Identity, session: SessionId) -> Result<(), Error> {
    let now = identity.clock.now();
    let not_before = identity.ago(identity.lifetimes.step_up);
    let mut write = identity.store.write(&[]).await?;
    let consumed = write.consume_step_up(session, not_before, now).await?;
    write.commit().await?;
    if consumed { Ok(()) } else { Err(Error::Missing) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fixture::{Fixture, PASSWORD},
        session::reauthenticate,
    };

    #[tokio::test]
    async fn a_reauthenticate_is_consumed_once() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let missing = consume_step_up(&fixture.identity, &fixture.internal(), session).await;
        assert!(
            matches!(missing, Err(Error::Missing)),
            "a sign-in is none: {missing:?}"
        );
        let by = fixture.as_user(&ada, session);
        reauthenticate(&fixture.identity, &by, &PASSWORD.into())
            .await
            .unwrap();
        consume_step_up(&fixture.identity, &fixture.internal(), session)
            .await
            .unwrap();
        let system = bailiwick_testkit::witness::system();
        let missing = consume_step_up_here(&fixture.identity, &system, session).await;
        assert!(matches!(missing, Err(Error::Missing)), "{missing:?}");
    }

    #[tokio::test]
    async fn a_reauthenticate_serves_for_five_minutes() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let by = fixture.as_user(&ada, session);
        reauthenticate(&fixture.identity, &by, &PASSWORD.into())
            .await
            .unwrap();
        fixture.clock.advance(Duration::from_secs(301));
        let late = consume_step_up(&fixture.identity, &fixture.internal(), session).await;
        assert!(matches!(late, Err(Error::Missing)), "{late:?}");
    }
}
