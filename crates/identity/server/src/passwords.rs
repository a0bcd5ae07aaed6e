//! The configuration of passwords, beside that of their cost.

use std::{path::PathBuf, sync::Arc};

use bailiwick_identity_core::password::{Blocklist, BlocklistError, Pepper, Peppers, Rules};
use bailiwick_rpc::Secret;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::blocklist::Leaked;

/// What passwords are compared with and depend on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    /// Leaked passwords in the range format of Have I Been Pwned: a directory with a file for each five
    /// digits of SHA-1, or one sorted file with lines `SHA1:COUNT`. The list in the binary counts besides.
    pub blocklist: Option<PathBuf>,
    /// A key that password hashes depend on, so that the database alone is of no use to guess at them.
    /// Whoever loses it must reset all passwords.
    pub pepper: Option<PepperConfig>,
    /// The pepper before the last rotation. A hash takes the new one at the next sign-in of its user.
    pub previous_pepper: Option<PepperConfig>,
}

/// A pepper.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PepperConfig {
    /// Its id, which is stored with each hash: 1 to 32 letters, digits, `-` and `_`.
    pub id: String,
    /// The key: at least 32 characters.
    pub secret: Secret,
}

impl PepperConfig {
    pub(crate) fn has_valid_id(&self) -> bool {
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=32).contains(&self.id.len()) && self.id.chars().all(letter)
    }
    pub(crate) fn has_long_secret(&self) -> bool {
        self.secret.expose().chars().count() >= 32
    }
}

/// Error for an invalid configuration of passwords.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordConfigError {
    /// The id of a pepper is invalid, or that of the other one too.
    #[error(
        "`passwords.{0}.id` must have 1 to 32 letters, digits, `-` and `_`, and differ from the other one"
    )]
    PepperId(&'static str),
    /// The secret of a pepper is too short.
    #[error("`passwords.{0}.secret` must have at least 32 characters")]
    PepperSecret(&'static str),
    /// The blocklist is missing or not readable.
    #[error("`passwords.blocklist`: {0}")]
    Blocklist(#[from] BlocklistError),
}

impl PasswordConfig {
    /// Checks what needs no file.
    ///
    /// # Errors
    /// A pepper is invalid.
    pub fn check(&self) -> Result<(), PasswordConfigError> {
        let (pepper, previous) = (self.pepper.as_ref(), self.previous_pepper.as_ref());
        for (field, pepper) in [("pepper", pepper), ("previous_pepper", previous)] {
            let Some(pepper) = pepper else { continue };
            if !pepper.has_valid_id() {
                return Err(PasswordConfigError::PepperId(field));
            }
            if !pepper.has_long_secret() {
                return Err(PasswordConfigError::PepperSecret(field));
            }
        }
        if pepper
            .zip(previous)
            .is_some_and(|(one, other)| one.id == other.id)
        {
            return Err(PasswordConfigError::PepperId("previous_pepper"));
        }
        Ok(())
    }
    /// The rules of passwords. A blocklist that is configured must be there.
    pub(crate) fn rules(&self, product: &str) -> Result<Rules, PasswordConfigError> {
        let pepper =
            |pepper: &PepperConfig| Pepper::new(&pepper.id, &SecretString::from(pepper.secret.expose()));
        let list = self.blocklist.as_deref().map(Leaked::open).transpose()?;
        Ok(Rules {
            product: product.to_owned(),
            blocklist: list.map(|list| Arc::new(list) as Arc<dyn Blocklist>),
            peppers: Peppers {
                current: self.pepper.as_ref().map(pepper),
                previous: self.previous_pepper.as_ref().map(pepper),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peppers_have_ids_of_their_own_and_long_secrets() {
        let pepper = |id: &str, length: usize| {
            Some(PepperConfig {
                id: id.to_owned(),
                secret: Secret::new("x".repeat(length)),
            })
        };
        let check = |pepper, previous_pepper| {
            let config = PasswordConfig {
                pepper,
                previous_pepper,
                ..PasswordConfig::default()
            };
            config.check()
        };
        let id = |field| Err(PasswordConfigError::PepperId(field));
        assert_eq!(check(pepper("2", 32), pepper("1", 32)), Ok(()));
        assert_eq!(check(pepper("", 32), None), id("pepper"));
        assert_eq!(check(pepper("a$b", 32), None), id("pepper"));
        assert_eq!(check(pepper("1", 32), pepper("1", 40)), id("previous_pepper"));
        let short = check(pepper("1", 31), None);
        assert_eq!(short, Err(PasswordConfigError::PepperSecret("pepper")));
    }

    #[test]
    fn a_blocklist_that_is_configured_and_missing_is_refused() {
        let mut config = PasswordConfig::default();
        assert!(config.rules("Example").is_ok());
        config.blocklist = Some("/nowhere/at/all".into());
        let refused = config.rules("Example").map(drop);
        assert!(
            matches!(&refused, Err(PasswordConfigError::Blocklist(_))),
            "{refused:?}"
        );
    }
}
