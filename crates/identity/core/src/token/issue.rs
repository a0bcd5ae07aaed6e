//! Issues an access token for client credentials (RFC 6749 section 4.4).

use bailiwick_types::{ServiceAccountId, StoreError, faults};
use secrecy::SecretString;

use crate::{
    Identity,
    secret::Digest,
    signing::{AccessToken, MintError},
};

/// The credentials.
#[derive(Debug, Clone)]
pub struct Command {
    /// The client id, not parsed.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

faults! {
    /// Why no token is issued.
    Error: Mint(MintError), Store(StoreError);
    /// There is no such client, it is disabled, or the secret is wrong: one answer for all.
    Wrong "wrong client id or client secret" => Unauthenticated CredentialsInvalid;
    /// It is an operator, and the deployment is not configured to have such.
    Operator "the deployment has no operator service accounts: \
        `identity.operators.service_accounts` is off"
        => Unauthenticated CredentialsInvalid;
}

/// Issues the token. The credentials are all that it asks for, over gRPC and HTTP.
///
/// # Errors
/// The credentials are wrong.
pub async fn issue(identity: &Identity, command: &Command) -> Result<AccessToken, Error> {
    let id: ServiceAccountId = command.client_id.parse().map_err(|_| Error::Wrong)?;
    let known = identity.store.service_account_secret(id).await?;
    let (account, secret) = known.ok_or(Error::Wrong)?;
    if !secret.same(&Digest::of(&command.client_secret)) || !account.enabled {
        return Err(Error::Wrong);
    }
    if account.is_operator() && !identity.operators.service_accounts {
        return Err(Error::Operator);
    }
    let (ring, now) = (identity.keys.ring(), identity.clock.now());
    Ok(identity.issuer.for_service(&ring, &*identity.ids, id, now)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Fixture, unknown_service},
        service_account,
    };

    async fn run(fixture: &Fixture, id: &str, secret: &SecretString) -> Result<AccessToken, Error> {
        let command = Command {
            client_id: id.to_owned(),
            client_secret: secret.clone(),
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
    async fn a_disabled_service_account_gets_no_token() {
        let fixture = Fixture::new().await;
        let (account, secret) = fixture.service_account("Reports").await;
        service_account::disable(&fixture.identity, &fixture.operator(), account.id)
            .await
            .unwrap();
        let refused = run(&fixture, &account.id.to_string(), &secret).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }
}
