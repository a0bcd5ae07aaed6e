//! A new pair of tokens for a session.

use bailiwick_types::Timestamp;
use secrecy::SecretString;

use crate::{
    Identity,
    port::{StoreError, Unit},
    secret::{Digest, SecretKind},
    session::{RefreshToken, Session},
    signing::AccessToken,
};

/// A pair of tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token.
    pub refresh: SecretString,
    /// When the session ends unless it is refreshed before.
    pub session_expires: Timestamp,
}

/// Makes a refresh token and stores its digest. It lasts until the session ends, or is idle for too long.
pub(super) async fn give_refresh_token(
    identity: &Identity,
    unit: &mut dyn Unit,
    session: &Session,
    now: Timestamp,
) -> Result<(SecretString, Timestamp), StoreError> {
    let secret = SecretKind::Refresh.generate(&*identity.rng);
    let expires = now.plus(identity.lifetimes.idle).min(session.expires);
    let row = RefreshToken {
        digest: Digest::of(&secret),
        session: session.id,
        created: now,
        expires,
        used: None,
    };
    unit.insert_refresh_token(&row).await?;
    Ok((secret, expires))
}
