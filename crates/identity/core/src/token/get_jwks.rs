//! Reads the public keys that verify access tokens (RFC 7517).

use std::time::Duration;

use crate::{Identity, signing::KeysError};

/// A key that another process created is published by this one within this time.
pub(super) const AGE: Duration = Duration::from_secs(5);

/// The key set as JSON. It is public, over gRPC and HTTP.
///
/// # Errors
/// The store failed, or a key is not readable.
pub async fn get_jwks(identity: &Identity) -> Result<String, KeysError> {
    Ok(identity.keys.ring_of_age(&*identity.store, AGE).await?.jwks())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[tokio::test]
    async fn the_key_set_has_the_public_part_of_a_new_key_after_five_seconds() {
        let fixture = Fixture::new().await;
        let keys = |text: &str| {
            let set: serde_json::Value = serde_json::from_str(text).unwrap();
            set["keys"].as_array().unwrap().len()
        };
        let set = get_jwks(&fixture.identity).await.unwrap();
        assert_eq!(keys(&set), 1);
        assert!(!set.contains("\"d\""), "no private part: {set}");
        // Another process creates a key.
        fixture.clock.advance(Duration::from_hours(2160));
        let other = fixture.other_keys();
        other.maintain(&fixture.store).await.unwrap();
        assert_eq!(keys(&get_jwks(&fixture.identity).await.unwrap()), 2);
    }
}
