//! Gives a service account a new secret, while the one that is deployed serves on until its end.
//!
//! The answer may be lost, and with it the new secret. So nothing but the end that was asked for ends the
//! deployed one, and a further rotation has to say that it discards the newer one.

use std::time::Duration;

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, ServiceAccountId, StoreError, Timestamp, Token, faults,
    method::identity::RotateServiceAccountSecret,
};
use secrecy::SecretString;

use super::{NewSecret, Secrets, ServiceAccount};
use crate::{
    Identity,
    change::Change,
    request::{self, RequestError, RequestId, RequestKey},
    secret::{Digest, SecretKind},
};

/// What is to be rotated.
#[derive(Debug, Clone)]
pub struct Command {
    /// The service account.
    pub id: ServiceAccountId,
    /// How long the old secret serves on.
    pub old_lifetime: Duration,
    /// Whether a new secret that is live beside the old one is discarded.
    pub replace_new: bool,
    /// The client's id of the request.
    pub request_id: Option<RequestId>,
}

impl Command {
    /// How long the old secret serves on where nothing is said.
    pub const USUAL: Duration = Duration::from_hours(7 * 24);
    /// The longest time for which it may.
    pub const LONGEST: Duration = Duration::from_hours(90 * 24);
}

/// A secret that was given.
#[derive(Debug, Clone)]
pub struct Rotated {
    /// The service account.
    pub account: ServiceAccount,
    /// The new secret; absent in the answer to a repeated request, since it is not stored.
    pub secret: Option<SecretString>,
    /// When the old one ends, where it serves on.
    pub old_ends: Option<Timestamp>,
    /// The write.
    pub token: Token,
}

faults! {
    /// Why no secret is given.
    Error: Refused(Refused), Request(RequestError), Store(StoreError);
    /// It has no access, or is losing it.
    NotActive "the service account is disabled" => FailedPrecondition NotActive;
    /// A third secret would be live.
    TwoLive { limit: &'static str, value: u64, until: Timestamp }
        "the service account has two live secrets until {until}: wait, or discard the newer one with \
         `replace_new`"
        => FailedPrecondition LimitReached [limit, value, until];
}

/// Gives the secret. A repeated request is answered as the first one was, without the secret.
///
/// # Errors
/// It does not exist or is disabled, has two live secrets, or the request id was used for another request.
pub async fn rotate(
    identity: &Identity,
    by: &Authorized<RotateServiceAccountSecret>,
    command: &Command,
) -> Result<Rotated, Error> {
    let lifetime = command.old_lifetime.as_micros().to_string();
    let replace = command.replace_new.to_string();
    let account = command.id.to_string();
    let content = [&*account, &*lifetime, &*replace];
    let request = command.request_id.map(|id| RequestKey::new(by, id, &content));
    loop {
        let made = request::made::<ServiceAccountId>(&*identity.store, request.as_ref()).await?;
        if made.is_some() {
            return repeated(identity, command.id).await;
        }
        if let Some(rotated) = give(identity, by, command, request.as_ref()).await? {
            return Ok(rotated);
        }
    }
}

/// Nothing where the same request was answered in the meantime.
async fn give(
    identity: &Identity,
    by: &Authorized<RotateServiceAccountSecret>,
    command: &Command,
    request: Option<&RequestKey>,
) -> Result<Option<Rotated>, Error> {
    let (id, now) = (command.id, identity.clock.now());
    let secret = SecretKind::Client.generate(&*identity.rng);
    let root = ScopeRoot::Deployment;
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let found = write.service_account_secret(id).await?;
    let (account, secrets) = found.ok_or(Refused::NotFound("service account"))?;
    if let Some(request) = request
        && !write.record_request(request, &id.to_string(), now).await?
    {
        return Ok(None);
    }
    if !account.enabled || write.service_closing(id).await?.is_some() {
        return Err(Error::NotActive);
    }
    let live = secrets.live(now);
    if let Some(new) = live.new
        && !command.replace_new
    {
        return Err(Error::TwoLive {
            limit: "live_secrets",
            value: 2,
            until: new.old_ends,
        });
    }
    let digest = Digest::of(&secret);
    let old_ends = (!command.old_lifetime.is_zero()).then(|| now.plus(command.old_lifetime));
    let given = match old_ends {
        Some(old_ends) => Secrets {
            deployed: live.deployed,
            new: Some(NewSecret { digest, old_ends }),
        },
        None => Secrets::one(digest),
    };
    write.set_service_secrets(id, &given).await?;
    write.emit(&root, Change::by(by, format!("service:{id}")))?;
    let token = write.commit().await?;
    Ok(Some(Rotated {
        account,
        secret: Some(secret),
        old_ends,
        token,
    }))
}

async fn repeated(identity: &Identity, id: ServiceAccountId) -> Result<Rotated, Error> {
    let found = identity.store.service_account_secret(id).await?;
    let (account, secrets) = found.ok_or(Refused::NotFound("service account"))?;
    let live = secrets.live(identity.clock.now());
    let write = identity.store.write(&[ScopeRoot::Deployment]).await?;
    Ok(Rotated {
        account,
        secret: None,
        old_ends: live.new.map(|new| new.old_ends),
        token: write.commit().await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attempt::ClientNetwork,
        fixture::{Fixture, unknown_service},
        peer::PeerError,
        service_account::disable,
        token::issue,
    };

    const HOUR: Duration = Duration::from_hours(1);

    fn command(id: ServiceAccountId) -> Command {
        Command {
            id,
            old_lifetime: HOUR,
            replace_new: false,
            request_id: None,
        }
    }

    async fn serves(fixture: &Fixture, id: ServiceAccountId, secret: &SecretString) -> bool {
        let command = issue::Command {
            client_id: id.to_string(),
            client_secret: secret.clone(),
            network: ClientNetwork::Unknown,
        };
        issue::issue(&fixture.identity, &command).await.is_ok()
    }

    async fn run(fixture: &Fixture, command: &Command) -> Result<Rotated, Error> {
        rotate(&fixture.identity, &fixture.operator(), command).await
    }

    #[tokio::test]
    async fn both_secrets_serve_until_the_old_one_ends() {
        let fixture = Fixture::new().await;
        let (account, old) = fixture.service_account("Reports").await;
        fixture.store.take_changes();
        let done = run(&fixture, &command(account.id)).await.unwrap();
        let new = done.secret.unwrap();
        assert_eq!(done.old_ends, Some(fixture.identity.clock.now().plus(HOUR)));
        let by = fixture.operator::<RotateServiceAccountSecret>();
        let audited = Change::by(&by, format!("service:{}", account.id));
        assert_eq!(fixture.store.take_changes(), [audited]);
        fixture
            .clock
            .advance(HOUR.checked_sub(Duration::from_micros(1)).unwrap());
        for secret in [&old, &new] {
            assert!(serves(&fixture, account.id, secret).await);
        }
        fixture.clock.advance(Duration::from_micros(1));
        assert!(!serves(&fixture, account.id, &old).await, "its end has come");
        assert!(serves(&fixture, account.id, &new).await);
        // The newer one is the deployed one now.
        let done = run(&fixture, &command(account.id)).await.unwrap();
        for secret in [&new, &done.secret.unwrap()] {
            assert!(serves(&fixture, account.id, secret).await);
        }
    }

    #[tokio::test]
    async fn a_third_secret_is_given_only_in_the_place_of_the_newer_one() {
        let fixture = Fixture::new().await;
        let (account, old) = fixture.service_account("Reports").await;
        let lost = run(&fixture, &command(account.id)).await.unwrap().secret.unwrap();
        let refused = run(&fixture, &command(account.id)).await;
        assert!(matches!(refused, Err(Error::TwoLive { .. })), "{refused:?}");
        let again = Command {
            replace_new: true,
            ..command(account.id)
        };
        let new = run(&fixture, &again).await.unwrap().secret.unwrap();
        let serve = async || {
            let mut serve = Vec::new();
            for secret in [&old, &lost, &new] {
                serve.push(serves(&fixture, account.id, secret).await);
            }
            serve
        };
        assert_eq!(serve().await, [true, false, true]);
        fixture.clock.advance(HOUR);
        assert_eq!(serve().await, [false, false, true]);
    }

    #[tokio::test]
    async fn without_a_lifetime_the_old_secret_ends_at_once() {
        let fixture = Fixture::new().await;
        let (account, old) = fixture.service_account("Reports").await;
        let at_once = Command {
            old_lifetime: Duration::ZERO,
            ..command(account.id)
        };
        let done = run(&fixture, &at_once).await.unwrap();
        assert_eq!(done.old_ends, None);
        assert!(!serves(&fixture, account.id, &old).await);
        assert!(serves(&fixture, account.id, &done.secret.unwrap()).await);
        // One secret is live: it may be rotated again.
        run(&fixture, &at_once).await.unwrap();
    }

    #[tokio::test]
    async fn a_repeated_request_gives_no_further_secret_and_another_content_is_refused() {
        let fixture = Fixture::new().await;
        let (account, old) = fixture.service_account("Reports").await;
        let request_id = Some("4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d21".parse().unwrap());
        let asked = Command {
            request_id,
            ..command(account.id)
        };
        let first = run(&fixture, &asked).await.unwrap();
        let again = run(&fixture, &asked).await.unwrap();
        assert!(again.secret.is_none());
        assert_eq!(again.old_ends, first.old_ends);
        for secret in [&old, &first.secret.unwrap()] {
            assert!(serves(&fixture, account.id, secret).await);
        }
        let other = Command {
            replace_new: true,
            ..asked
        };
        let refused = run(&fixture, &other).await;
        assert!(
            matches!(refused, Err(Error::Request(RequestError::Reused))),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn of_a_hundred_rotations_at_once_one_gives_a_secret() {
        let fixture = Fixture::new().await;
        let (account, old) = fixture.service_account("Reports").await;
        let by = fixture.operator();
        let asked = command(account.id);
        let mut given = Vec::new();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (identity, by, asked) = (fixture.identity.clone(), by.clone(), asked.clone());
            all.spawn(async move { rotate(&identity, &by, &asked).await });
        }
        while let Some(done) = all.join_next().await {
            match done.unwrap() {
                Ok(done) => given.push(done.secret.unwrap()),
                Err(error) => assert!(matches!(error, Error::TwoLive { .. }), "{error:?}"),
            }
        }
        assert_eq!(given.len(), 1);
        assert!(serves(&fixture, account.id, &old).await && serves(&fixture, account.id, &given[0]).await);
    }

    #[tokio::test]
    async fn one_that_is_unknown_disabled_or_being_disabled_gets_no_secret() {
        let fixture = Fixture::new().await;
        let refused = run(&fixture, &command(unknown_service())).await;
        assert!(
            matches!(refused, Err(Error::Refused(Refused::NotFound(_)))),
            "{refused:?}"
        );
        let (account, _) = fixture.service_account("Reports").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let interrupted = disable(&fixture.identity, &fixture.operator(), account.id).await;
        assert!(interrupted.is_err());
        let refused = run(&fixture, &command(account.id)).await;
        assert!(matches!(refused, Err(Error::NotActive)), "{refused:?}");
        fixture.authorization.answers();
        disable(&fixture.identity, &fixture.operator(), account.id)
            .await
            .unwrap();
        let refused = run(&fixture, &command(account.id)).await;
        assert!(matches!(refused, Err(Error::NotActive)), "{refused:?}");
    }
}
