//! Gives the public keys with which access tokens are verified (RFC 7517).

use std::time::Duration;

use crate::{Identity, signing::KeysError};

/// A key that another process made is seen after this time at the latest.
const AGE: Duration = Duration::from_secs(5);

/// The key set as JSON.
///
/// # Errors
/// The store did not answer, or a key cannot be read.
pub async fn run(identity: &Identity) -> Result<String, KeysError> {
    Ok(identity.keys.ring_of_age(&*identity.store, AGE).await?.jwks())
}
