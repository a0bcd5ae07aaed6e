//! API keys: their configuration, and how this process verifies them without a call.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_identity_core::{
    Identity,
    api_key::{
        KeyPepper, KeyPeppers,
        verify::{Command, Error},
        verify_here,
    },
    secret::{Digest, random_password},
};
use bailiwick_rpc::{ApiKeys, Chain, KeyDigest, KeyError, VerifiedKey};
use bailiwick_types::{ApiKeyId, Code, Fault as _, Rng, System};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::passwords::PepperConfig;

/// What API keys are stored under.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiKeyConfig {
    /// A key that is not in the database, without which what is stored there verifies no API key. Where there
    /// is none, it follows from `identity.key_encryption_secret`, or from `integrity.secret` without one:
    /// API keys end with the secret.
    pub pepper: Option<PepperConfig>,
    /// The pepper before the last rotation: API keys that were made under it serve until their end.
    pub previous_pepper: Option<PepperConfig>,
}

/// Error for an invalid configuration of API keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyConfigError {
    /// The id of a pepper is invalid, or that of the other one too.
    #[error(
        "`api_keys.{0}.id` must have 1 to 32 letters, digits, `-` and `_`, and differ from the other one"
    )]
    Id(&'static str),
    /// The secret of a pepper is too short.
    #[error("`api_keys.{0}.secret` must have at least 32 characters")]
    Secret(&'static str),
}

impl ApiKeyConfig {
    /// Checks the peppers.
    ///
    /// # Errors
    /// One is invalid.
    pub fn check(&self) -> Result<(), ApiKeyConfigError> {
        let (pepper, previous) = (self.pepper.as_ref(), self.previous_pepper.as_ref());
        for (field, pepper) in [("pepper", pepper), ("previous_pepper", previous)] {
            let Some(pepper) = pepper else { continue };
            if !pepper.has_valid_id() {
                return Err(ApiKeyConfigError::Id(field));
            }
            if !pepper.has_long_secret() {
                return Err(ApiKeyConfigError::Secret(field));
            }
        }
        let both = pepper.zip(previous);
        if both.is_some_and(|(one, other)| one.id == other.id) {
            return Err(ApiKeyConfigError::Id("previous_pepper"));
        }
        Ok(())
    }
    /// The peppers: those that are configured, then those that follow from secrets of the deployment, the
    /// first of these for new keys.
    pub(crate) fn peppers(&self, secrets: &[SecretString], rng: &dyn Rng) -> KeyPeppers {
        let given = [&self.pepper, &self.previous_pepper].into_iter().flatten();
        let given = given.map(|pepper| {
            let secret = SecretString::from(pepper.secret.expose());
            KeyPepper::new(&pepper.id, &secret)
        });
        let mut all = given.chain(secrets.iter().map(KeyPepper::derived));
        // A command without secrets issues and verifies no keys.
        let nobody = || KeyPepper::derived(&random_password(rng));
        KeyPeppers::new(all.next().unwrap_or_else(nobody), all)
    }
}

/// Keys in the database of this service.
pub(crate) struct LocalApiKeys {
    pub(crate) identity: Arc<Identity>,
    pub(crate) system: System,
}

#[async_trait]
impl ApiKeys for LocalApiKeys {
    async fn verify(&self, id: ApiKeyId, digest: &KeyDigest) -> Result<Option<VerifiedKey>, KeyError> {
        let command = Command {
            id,
            digest: Digest::from_bytes(digest.0),
        };
        let told = verify_here(&self.identity, &self.system, &command).await;
        let told = told.map_err(|Error::Store(error)| match error.code() {
            Code::Internal => KeyError::Malformed(Chain(&error).to_string()),
            _ => KeyError::Unavailable,
        })?;
        Ok(told.map(|key| VerifiedKey {
            user: key.user,
            expires: key.expires,
            scope: Arc::new(key.scope),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_rpc::Secret;
    use bailiwick_types::SystemRng;

    fn pepper(id: &str, length: usize) -> PepperConfig {
        PepperConfig {
            id: id.to_owned(),
            secret: Secret::new("x".repeat(length)),
        }
    }

    #[test]
    fn peppers_have_ids_of_their_own_and_long_secrets() {
        let check = |one: Option<PepperConfig>, other: Option<PepperConfig>| {
            let config = ApiKeyConfig {
                pepper: one,
                previous_pepper: other,
            };
            config.check()
        };
        assert_eq!(check(None, None), Ok(()));
        assert_eq!(check(Some(pepper("2", 32)), Some(pepper("1", 32))), Ok(()));
        let (id, secret) = (ApiKeyConfigError::Id, ApiKeyConfigError::Secret);
        assert_eq!(check(Some(pepper("", 32)), None), Err(id("pepper")));
        assert_eq!(check(Some(pepper("derived:1", 32)), None), Err(id("pepper")));
        assert_eq!(check(None, Some(pepper("1", 31))), Err(secret("previous_pepper")));
        let same = check(Some(pepper("1", 32)), Some(pepper("1", 33)));
        assert_eq!(same, Err(id("previous_pepper")));
    }

    #[test]
    fn keys_of_before_a_pepper_was_configured_go_on() {
        let text = Digest::of_parts(&["a key"]);
        let secrets = ["a secret of the deployment".into()];
        let before = ApiKeyConfig::default().peppers(&secrets, &SystemRng);
        let config = ApiKeyConfig {
            pepper: Some(pepper("1", 32)),
            previous_pepper: None,
        };
        let after = config.peppers(&secrets, &SystemRng);
        assert!(after.verify(&before.mac(&text), &text));
        assert!(!before.verify(&after.mac(&text), &text));
        let none = ApiKeyConfig::default().peppers(&[], &SystemRng);
        assert!(!none.verify(&before.mac(&text), &text));
    }
}
