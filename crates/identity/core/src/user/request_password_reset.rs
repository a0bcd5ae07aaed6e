//! Mails a secret with which a password can be replaced.
//!
//! The same statements run for every address: whose it is comes out when the mail is sent.

use bailiwick_types::{Authorized, Email, StoreError, faults, method::identity::RequestPasswordReset};

use crate::{
    Identity,
    attempt::{AdmissionError, ClientNetwork},
    mail::{self, Kind, MailError},
    secret::Digest,
};

/// Whose password.
#[derive(Debug, Clone)]
pub struct Command {
    /// The e-mail address that was entered.
    pub email: Email,
    /// The network of the client.
    pub network: ClientNetwork,
}

faults! {
    /// Why the request is not taken. None depends on the address.
    Error: Admission(AdmissionError), Mail(MailError), Store(StoreError);
}

/// Writes the mail, unless too many were asked for.
///
/// # Errors
/// The client's network asks too often, or the store failed.
pub async fn request_password_reset(
    identity: &Identity,
    _by: &Authorized<RequestPasswordReset>,
    command: &Command,
) -> Result<(), Error> {
    identity.admission.pass(command.network)?;
    let now = identity.clock.now();
    let network = Digest::of_parts(&["mail", "network", &command.network.to_string()]);
    let mut counters = vec![(network, identity.outbox.limits.network)];
    counters.extend(mail::to_address(
        identity,
        Kind::PasswordReset,
        &command.email.key(),
    ));
    let mut write = identity.store.write(&[]).await?;
    if mail::take(&mut *write, &counters, now).await?.is_err() {
        // The answer is the same: it must not tell that somebody asked before.
        return Ok(());
    }
    mail::to_whom_it_belongs(identity, &mut *write, Kind::PasswordReset, &command.email).await?;
    write.commit().await?;
    identity.outbox.wake();
    Ok(())
}

/// Asks as a stranger does.
#[cfg(test)]
pub(crate) async fn ask(fixture: &crate::fixture::Fixture, email: &str) {
    let command = Command {
        email: email.parse().unwrap(),
        network: ClientNetwork::Unknown,
    };
    request_password_reset(&fixture.identity, &fixture.anonymous(), &command)
        .await
        .unwrap();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        attempt::Limit,
        fixture::Fixture,
        mail::{Mail, Reader as _},
    };

    async fn rows(fixture: &Fixture) -> Vec<Mail> {
        let now = fixture.identity.clock.now();
        fixture.store.due_mails(now, 1_000).await.unwrap()
    }

    #[tokio::test]
    async fn a_secret_is_mailed_to_the_address_as_the_user_has_it() {
        let fixture = Fixture::new().await;
        fixture.user("Ada@Example.com").await;
        ask(&fixture, "ada@example.COM").await;
        let letters = fixture.deliver().await;
        let [letter] = &*letters else {
            panic!("{letters:?}")
        };
        assert_eq!(letter.to.as_str(), "Ada@Example.com");
        assert_eq!(letter.kind, Kind::PasswordReset);
        let in_an_hour = fixture.identity.clock.now().plus(Duration::from_hours(1));
        assert_eq!(letter.expires, Some(in_an_hour));
    }

    #[tokio::test]
    async fn the_same_is_written_for_addresses_that_nobody_has_and_nothing_is_sent() {
        let fixture = Fixture::new().await;
        fixture.user_without_password("bare@example.com").await;
        for email in ["nobody@example.com", "bare@example.com"] {
            ask(&fixture, email).await;
            let rows = rows(&fixture).await;
            let [row] = &*rows else { panic!("{rows:?}") };
            assert!(!row.ready && row.kind == Kind::PasswordReset);
            assert!(fixture.deliver().await.is_empty(), "{email}");
        }
    }

    #[tokio::test]
    async fn an_address_gets_one_in_a_minute_and_five_in_an_hour() {
        let fixture = Fixture::new().await;
        fixture.user("ada@example.com").await;
        let mut sent = 0;
        for _ in 0..59 {
            for _ in 0..3 {
                ask(&fixture, "ada@example.com").await;
            }
            let letters = fixture.deliver().await.len();
            assert!(letters <= 1);
            sent += letters;
            fixture.clock.advance(Duration::from_mins(1));
        }
        assert_eq!(sent, 5);
        fixture.clock.advance(Duration::from_mins(1));
        ask(&fixture, "ada@example.com").await;
        assert_eq!(fixture.deliver().await.len(), 1);
    }

    #[tokio::test]
    async fn a_network_asks_so_often_whatever_the_addresses_are() {
        let mut fixture = Fixture::new().await;
        fixture.identity.outbox.limits.network = Limit {
            most: 3,
            window: Duration::from_hours(1),
        };
        for n in 0..9 {
            ask(&fixture, &format!("u{n}@example.com")).await;
        }
        assert_eq!(rows(&fixture).await.len(), 3);
    }
}
