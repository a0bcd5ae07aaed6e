//! The challenge between password and second factor. It is opaque, gives no access, and answers once.

use std::time::Duration;

use bailiwick_types::{AccountId, StoreError, Timestamp, UserId};
use secrecy::SecretString;

use crate::{
    Identity,
    attempt::ClientNetwork,
    secret::{Digest, SecretKind},
    session::Client,
    store::Write,
    user::Credentials,
};

/// For how long it waits for an answer.
const LIFETIME: Duration = Duration::from_mins(5);
/// How many wrong answers end it.
pub const MOST_FAILURES: u32 = 5;

/// A sign-in whose password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// SHA-256 of the secret.
    pub digest: Digest,
    /// The user.
    pub user: UserId,
    /// The digest of the password that was right: another one ends the challenge.
    pub password: Digest,
    /// The account of the sign-in.
    pub account: Option<AccountId>,
    /// Where the sign-in began. It ends from the same network.
    pub client: Client,
    /// The known device that it came from.
    pub device: Option<Digest>,
    /// When it expires.
    pub expires: Timestamp,
    /// Wrong answers.
    pub failures: u32,
}

/// What the client is given.
#[derive(Debug, Clone)]
pub struct Challenged {
    /// The secret.
    pub challenge: SecretString,
    /// When it expires.
    pub expires: Timestamp,
}

impl Challenge {
    /// A challenge without its secret.
    pub(crate) fn new(
        verified: &Credentials,
        account: Option<AccountId>,
        client: Client,
        device: Option<Digest>,
        now: Timestamp,
    ) -> Self {
        Self {
            digest: Digest::from_bytes([0; 32]),
            user: verified.user.id,
            password: password_digest(verified),
            account,
            client,
            device,
            expires: now.plus(LIFETIME),
            failures: 0,
        }
    }
    /// Whether it may still be answered from a network.
    pub(super) fn is_open(&self, network: ClientNetwork, now: Timestamp) -> bool {
        now < self.expires && self.failures < MOST_FAILURES && self.client.network == network
    }
}

/// By which a changed password is known.
pub(super) fn password_digest(credentials: &Credentials) -> Digest {
    let stored = credentials.password.as_ref().map_or("", |hash| hash.expose());
    Digest::of_parts(&["password", stored])
}

/// Gives a challenge its secret and stores it.
pub(crate) async fn challenge(
    identity: &Identity,
    write: &mut dyn Write,
    challenge: Challenge,
) -> Result<Challenged, StoreError> {
    let secret = SecretKind::Challenge.generate(&*identity.rng);
    let stored = Challenge {
        digest: Digest::of(&secret),
        ..challenge
    };
    write.insert_challenge(&stored).await?;
    Ok(Challenged {
        challenge: secret,
        expires: stored.expires,
    })
}
