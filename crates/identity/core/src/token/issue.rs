//! Issues an access token for client credentials (RFC 6749 section 4.4).

use bailiwick_types::{Scope, StoreError, faults};
use secrecy::SecretString;

use crate::{
    Identity,
    attempt::{self, ClientNetwork, Throttled},
    secret::Digest,
    service_account::ServiceAccount,
    signing::{AccessToken, MintError},
};

/// The credentials.
#[derive(Debug, Clone)]
pub struct Command {
    /// The client id, not parsed.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// The network that the client calls from.
    pub network: ClientNetwork,
}

faults! {
    /// Why no token is issued.
    Error: Throttled(Throttled), Mint(MintError), Store(StoreError);
    /// There is no such client, it is disabled, or the secret is wrong: one answer for all.
    Wrong "wrong client id or client secret" => Unauthenticated CredentialsInvalid;
    /// It is an operator, and the deployment is not configured to have such.
    Operator "the deployment has no operator service accounts: \
        `identity.operators.service_accounts` is off"
        => Unauthenticated CredentialsInvalid;
}

/// The client, as which it acts.
pub(super) async fn client(identity: &Identity, command: &Command) -> Result<ServiceAccount, Error> {
    let Some(account) = authenticated(identity, command).await? else {
        let refused = attempt::wrong_client(identity, &command.client_id, command.network).await?;
        return Err(refused.map_or(Error::Wrong, Error::Throttled));
    };
    if account.is_operator() && !identity.operators.service_accounts {
        return Err(Error::Operator);
    }
    Ok(account)
}

/// Issues the token. The credentials are all that it asks for, over gRPC and HTTP.
///
/// # Errors
/// The credentials are wrong.
pub async fn issue(identity: &Identity, command: &Command) -> Result<AccessToken, Error> {
    let account = client(identity, command).await?;
    let id = account.id;
    let (ring, now) = (identity.keys.ring(), identity.clock.now());
    // One that was made for an account has tokens that serve for that account alone.
    let scope = match account.scope.as_scope() {
        Scope::Account(id) => Some(*id),
        _ => None,
    };
    Ok(identity
        .issuer
        .for_service(&ring, &*identity.ids, (id, scope), now)?)
}

/// The service account whose secret the client has.
async fn authenticated(identity: &Identity, command: &Command) -> Result<Option<ServiceAccount>, StoreError> {
    let Ok(id) = command.client_id.parse() else {
        return Ok(None);
    };
    let known = identity.store.service_account_secret(id).await?;
    let (digest, now) = (Digest::of(&command.client_secret), identity.clock.now());
    let right = known.filter(|(account, secrets)| secrets.accept(&digest, now) && account.enabled);
    // One that is being disabled has no access any more.
    let open = identity.store.service_closing(id).await?.is_none();
    Ok(right.filter(|_| open).map(|(account, _)| account))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Fixture, unknown_service},
        peer::PeerError,
        service_account,
    };

    async fn run(fixture: &Fixture, id: &str, secret: &SecretString) -> Result<AccessToken, Error> {
        let command = Command {
            client_id: id.to_owned(),
            client_secret: secret.clone(),
            network: ClientNetwork::Unknown,
        };
        issue(&fixture.identity, &command).await
    }

    #[tokio::test]
    async fn the_right_secret_gets_a_token_and_everything_else_is_refused_alike() {
        let fixture = Fixture::new().await;
        let (account, secret) = fixture.service_account("Reports").await;
        let (id, unknown) = (account.id.to_string(), unknown_service().to_string());
        let token = run(&fixture, &id, &secret).await.unwrap();
        assert_eq!(token.expires.since(fixture.identity.clock.now()).as_secs(), 300);
        for (id, secret) in [
            (id.as_str(), &SecretString::from("bwc_wrong")),
            (unknown.as_str(), &secret),
            ("malformed", &secret),
        ] {
            let refused = run(&fixture, id, secret).await;
            assert!(matches!(refused, Err(Error::Wrong)), "{id}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn wrong_secrets_are_limited_and_the_right_one_is_not() {
        let fixture = Fixture::new().await;
        let (account, secret) = fixture.service_account("Reports").await;
        let id = account.id.to_string();
        let wrong = SecretString::from("bwc_wrong");
        for _ in 0..fixture.identity.throttle.near.most {
            let refused = run(&fixture, &id, &wrong).await;
            assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
        }
        let limited = run(&fixture, &id, &wrong).await;
        assert!(matches!(limited, Err(Error::Throttled(_))), "{limited:?}");
        run(&fixture, &id, &secret).await.unwrap();
        let other = run(&fixture, &unknown_service().to_string(), &wrong).await;
        assert!(matches!(other, Err(Error::Wrong)), "another client: {other:?}");
        fixture.clock.advance(fixture.identity.throttle.near.window);
        let later = run(&fixture, &id, &wrong).await;
        assert!(matches!(later, Err(Error::Wrong)), "{later:?}");
    }

    #[tokio::test]
    async fn a_disabled_service_account_gets_no_token() {
        let fixture = Fixture::new().await;
        let (account, secret) = fixture.service_account("Reports").await;
        service_account::disable(&fixture.identity, &fixture.operator(), account.id)
            .await
            .unwrap();
        let refused = run(&fixture, &account.id.to_string(), &secret).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_service_account_that_is_being_disabled_gets_no_token() {
        let fixture = Fixture::new().await;
        let (account, secret) = fixture.service_account("Reports").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let unfinished = service_account::disable(&fixture.identity, &fixture.operator(), account.id).await;
        assert!(unfinished.is_err());
        let refused = run(&fixture, &account.id.to_string(), &secret).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }
}
