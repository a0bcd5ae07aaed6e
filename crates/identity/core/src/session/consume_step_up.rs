//! Consumes the Reauthenticate of a session for a method.

use std::time::Duration;

use bailiwick_types::{
    Authorized, Method as _, RequestDigest, SessionId, StoreError, System, Timestamp, faults,
    method::identity::{ConsumeStepUp, EnrollSecondFactor, RegenerateRecoveryCodes},
};

use super::Consumption;
use crate::Identity;

/// For how long the same request needs no other Reauthenticate: clients repeat a call whose answer they lost.
const REPEATED: Duration = Duration::from_mins(1);

/// What is consumed.
#[derive(Debug, Clone)]
pub struct Command {
    /// The session.
    pub session: SessionId,
    /// The full name of the method.
    pub method: String,
    /// The digest of the request.
    pub request: RequestDigest,
}

faults! {
    /// Why there is nothing to consume.
    Error: Store(StoreError);
    /// There is no unused Reauthenticate of the last five minutes for the method.
    Missing "the session has no unused Reauthenticate of the last five minutes for the method"
        => FailedPrecondition StepUpRequired;
}

/// Consumes it for another service. One of two concurrent calls with different requests succeeds.
///
/// # Errors
/// See [`Error`].
pub async fn consume_step_up(
    identity: &Identity,
    _by: &Authorized<ConsumeStepUp>,
    command: &Command,
) -> Result<(), Error> {
    consume(identity, command).await
}

/// Consumes it for the guard of this process.
///
/// # Errors
/// See [`Error`].
pub async fn consume_step_up_here(identity: &Identity, _by: &System, command: &Command) -> Result<(), Error> {
    consume(identity, command).await
}

/// Whether a method answers with new secrets. Its request is empty: whoever repeats it would get others
/// without having proved anything.
fn makes_secrets(method: &str) -> bool {
    let makers = [
        &EnrollSecondFactor::DECLARATION,
        &RegenerateRecoveryCodes::DECLARATION,
    ];
    makers.iter().any(|maker| maker.name() == method)
}

async fn consume(identity: &Identity, command: &Command) -> Result<(), Error> {
    let repeated_since = if makes_secrets(&command.method) {
        Timestamp(i64::MAX)
    } else {
        identity.ago(REPEATED)
    };
    let consumption = Consumption {
        session: command.session,
        method: &command.method,
        request: &command.request,
        not_before: identity.ago(identity.lifetimes.step_up),
        repeated_since,
        now: identity.clock.now(),
    };
    let mut write = identity.store.write(&[]).await?;
    let consumed = write.consume_step_up(&consumption).await?;
    write.commit().await?;
    if consumed { Ok(()) } else { Err(Error::Missing) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::Fixture,
        session::reauthenticate::tests::{GRANT, REVOKE, step_up},
    };

    fn command(session: SessionId, method: &str, request: u8) -> Command {
        Command {
            session,
            method: method.to_owned(),
            request: RequestDigest([request; 32]),
        }
    }
    async fn run(fixture: &Fixture, command: &Command) -> Result<(), Error> {
        consume_step_up(&fixture.identity, &fixture.internal(), command).await
    }

    #[tokio::test]
    async fn a_reauthenticate_is_consumed_once() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let missing = run(&fixture, &command(session, GRANT, 1)).await;
        assert!(
            matches!(missing, Err(Error::Missing)),
            "a sign-in is none: {missing:?}"
        );
        step_up(&fixture, &ada, session, GRANT).await;
        run(&fixture, &command(session, GRANT, 1)).await.unwrap();
        let system = bailiwick_testkit::witness::system();
        let other = command(session, GRANT, 2);
        let missing = consume_step_up_here(&fixture.identity, &system, &other).await;
        assert!(matches!(missing, Err(Error::Missing)), "{missing:?}");
    }

    #[tokio::test]
    async fn one_for_another_method_or_of_another_session_is_none() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (session, other) = (fixture.session(&ada).await, fixture.session(&ada).await);
        step_up(&fixture, &ada, session, GRANT).await;
        for wrong in [command(session, REVOKE, 1), command(other, GRANT, 1)] {
            let missing = run(&fixture, &wrong).await;
            assert!(matches!(missing, Err(Error::Missing)), "{missing:?}");
        }
        run(&fixture, &command(session, GRANT, 1)).await.unwrap();
    }

    #[tokio::test]
    async fn the_same_request_consumes_no_other_one_for_a_minute() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        step_up(&fixture, &ada, session, GRANT).await;
        let first = command(session, GRANT, 1);
        run(&fixture, &first).await.unwrap();
        fixture.clock.advance(Duration::from_secs(59));
        step_up(&fixture, &ada, session, GRANT).await;
        run(&fixture, &first).await.unwrap();
        run(&fixture, &command(session, GRANT, 2)).await.unwrap();
        let late = run(&fixture, &first).await;
        assert!(
            matches!(late, Err(Error::Missing)),
            "another one came after it: {late:?}"
        );
        fixture.clock.advance(Duration::from_secs(61));
        let late = run(&fixture, &command(session, GRANT, 2)).await;
        assert!(matches!(late, Err(Error::Missing)), "{late:?}");
    }

    #[tokio::test]
    async fn a_method_that_answers_with_secrets_asks_for_one_each_time() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        for method in ["EnrollSecondFactor", "RegenerateRecoveryCodes"] {
            let method = format!("bailiwick.identity.v1.AuthenticationService/{method}");
            let empty = command(session, &method, 0);
            for _ in 0..2 {
                step_up(&fixture, &ada, session, &method).await;
                run(&fixture, &empty).await.unwrap();
                let again = run(&fixture, &empty).await;
                assert!(matches!(again, Err(Error::Missing)), "{again:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_reauthenticate_serves_for_five_minutes() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        step_up(&fixture, &ada, session, GRANT).await;
        fixture.clock.advance(Duration::from_secs(301));
        let late = run(&fixture, &command(session, GRANT, 1)).await;
        assert!(matches!(late, Err(Error::Missing)), "{late:?}");
    }
}
