//! Gives an access token for client credentials (RFC 6749 section 4.4).

use bailiwick_types::ServiceAccountId;
use secrecy::SecretString;

use crate::{
    Identity,
    fault::{fault, no_wait},
    port::StoreError,
    secret::Digest,
    signing::{AccessToken, MintError},
};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// The client id as it came.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such client, it is disabled, or the secret is wrong: all answer alike.
    #[error("client id or client secret is wrong")]
    Wrong,
    /// No token could be issued.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error {
    Wrong => Unauthenticated CredentialsInvalid,
    Mint => Internal Internal,
} [Store]);
no_wait!(Error);

/// Issues the token.
///
/// # Errors
/// The credentials are wrong.
pub async fn run(identity: &Identity, command: &Command) -> Result<AccessToken, Error> {
    let id: ServiceAccountId = command.client_id.parse().map_err(|_| Error::Wrong)?;
    let known = identity.store.service_account_secret(id).await?;
    let (account, secret) = known.ok_or(Error::Wrong)?;
    if !secret.same(&Digest::of(&command.client_secret)) || !account.enabled {
        return Err(Error::Wrong);
    }
    let now = identity.clock.now();
    Ok(identity
        .issuer
        .for_service(&identity.keys.ring(), &*identity.ids, id, now)?)
}
