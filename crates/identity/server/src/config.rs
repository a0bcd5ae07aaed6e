//! Identity's configuration.

use std::time::Duration;

use bailiwick_identity_core::{
    attempt::Throttle,
    operator::Policy,
    password::{CostError, HashCost},
    session::Lifetimes,
    signing::KeyTimes,
};
use bailiwick_rpc::{HumanDuration, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds.
const DAY: u64 = 86_400;

/// The configuration of the identity service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// Lifetime of an access token: 1m to 1h.
    pub access_token_lifetime: HumanDuration,
    /// Lifetime of a session from its sign-in: 5m to 400d.
    pub session_lifetime: HumanDuration,
    /// Lifetime of a session without a refresh: 5m to 400d.
    pub session_idle: HumanDuration,
    /// The cost of verifying a password.
    pub password_hashing: PasswordHashing,
    /// The limit of wrong passwords for an e-mail address.
    pub sign_in_attempts: SignInAttempts,
    /// Who may be an operator of the deployment.
    pub operators: OperatorConfig,
    /// Encrypts the private signing keys in the database: at least 32 characters. Without it they are stored
    /// in plain text, which is refused with a database server unless `insecure` is set.
    pub key_encryption_secret: Secret,
    /// How long a signing key signs: 1d to 3650d.
    pub signing_key_lifetime: HumanDuration,
    /// How long events of the feed are kept: a follower that was away for longer starts from a snapshot.
    pub feed_retention: HumanDuration,
}

/// The parameters of password hashing: argon2id.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordHashing {
    /// Memory in KiB; at least 7168.
    pub memory_kib: u32,
    /// Passes over it; memory times passes must be at least 35840 KiB.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// The number of passwords that this process hashes at once.
    pub parallel: usize,
    /// Allows cheaper parameters, which protect nothing: only for tests.
    pub insecure_for_tests: bool,
}

/// The limit of wrong passwords for an e-mail address in a window of time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SignInAttempts {
    /// The number at which sign-ins are refused.
    pub limit: u32,
    /// The window, from the first wrong password.
    pub window: HumanDuration,
}

/// Who may be an operator of the deployment.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OperatorConfig {
    /// Whether service accounts may. If not, none is given the operator's role, and those that have it get no
    /// tokens.
    pub service_accounts: bool,
}

impl OperatorConfig {
    /// The rule.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            service_accounts: self.service_accounts,
        }
    }
}

impl Default for IdentityConfig {
    fn default() -> Self {
        let lifetimes = Lifetimes::default();
        Self {
            access_token_lifetime: lifetimes.access.into(),
            session_lifetime: lifetimes.session.into(),
            session_idle: lifetimes.idle.into(),
            password_hashing: PasswordHashing::default(),
            sign_in_attempts: SignInAttempts::default(),
            operators: OperatorConfig::default(),
            key_encryption_secret: Secret::default(),
            signing_key_lifetime: KeyTimes::default().rotate_after.into(),
            feed_retention: Duration::from_hours(168).into(),
        }
    }
}

impl Default for PasswordHashing {
    fn default() -> Self {
        let cost = HashCost::default();
        Self {
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            parallel: 2,
            insecure_for_tests: false,
        }
    }
}

impl Default for SignInAttempts {
    fn default() -> Self {
        let throttle = Throttle::default();
        Self {
            limit: throttle.limit,
            window: throttle.window.into(),
        }
    }
}

/// Error for an invalid configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The hashing parameters protect too little.
    #[error("`password_hashing`: {0}")]
    Hashing(#[from] CostError),
    /// A lifetime is out of range.
    #[error("`{field}` must be {rule}")]
    Lifetime {
        /// Its field.
        field: &'static str,
        /// Its range.
        rule: &'static str,
    },
    /// The key encryption secret is too short.
    #[error("`key_encryption_secret` must have at least 32 characters")]
    Secret,
    /// The limit of attempts is zero.
    #[error("`sign_in_attempts.limit` must be at least 1")]
    Attempts,
}

impl PasswordHashing {
    /// The configured cost.
    ///
    /// # Errors
    /// It protects too little.
    pub fn cost(&self) -> Result<HashCost, CostError> {
        let cost = HashCost {
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        };
        if self.insecure_for_tests {
            Ok(cost)
        } else {
            cost.check()
        }
    }
}

impl IdentityConfig {
    /// Cheap password hashing, for tests that sign in often.
    #[must_use]
    pub fn for_tests() -> Self {
        Self {
            password_hashing: PasswordHashing {
                memory_kib: HashCost::FOR_TESTS.memory_kib,
                passes: HashCost::FOR_TESTS.passes,
                lanes: HashCost::FOR_TESTS.lanes,
                parallel: 4,
                insecure_for_tests: true,
            },
            ..Self::default()
        }
    }
    /// Checks the configuration.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.password_hashing.cost()?;
        for (field, value, least, most, rule) in [
            (
                "access_token_lifetime",
                self.access_token_lifetime,
                60,
                3_600,
                "1m to 1h",
            ),
            (
                "session_lifetime",
                self.session_lifetime,
                300,
                400 * DAY,
                "5m to 400d",
            ),
            ("session_idle", self.session_idle, 300, 400 * DAY, "5m to 400d"),
            (
                "signing_key_lifetime",
                self.signing_key_lifetime,
                DAY,
                3_650 * DAY,
                "1d to 3650d",
            ),
            (
                "feed_retention",
                self.feed_retention,
                3_600,
                3_650 * DAY,
                "1h to 3650d",
            ),
        ] {
            let range = Duration::from_secs(least)..=Duration::from_secs(most);
            if !range.contains(&value.get()) {
                return Err(ConfigError::Lifetime { field, rule });
            }
        }
        if !self.key_encryption_secret.is_empty() && self.key_encryption_secret.expose().chars().count() < 32
        {
            return Err(ConfigError::Secret);
        }
        if self.sign_in_attempts.limit == 0 {
            return Err(ConfigError::Attempts);
        }
        Ok(())
    }
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: self.access_token_lifetime.get(),
            session: self.session_lifetime.get(),
            idle: self.session_idle.get(),
            ..Lifetimes::default()
        }
    }
    pub(crate) fn throttle(&self) -> Throttle {
        Throttle {
            limit: self.sign_in_attempts.limit,
            window: self.sign_in_attempts.window.get(),
        }
    }
    pub(crate) fn key_times(&self) -> KeyTimes {
        KeyTimes {
            rotate_after: self.signing_key_lifetime.get(),
            ..KeyTimes::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_shows_no_secret() {
        let config = IdentityConfig {
            key_encryption_secret: Secret::new("a secret of at least thirty-two characters"),
            ..IdentityConfig::default()
        };
        assert_eq!(config.check(), Ok(()));
        let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("thirty-two"), "{shown}");
    }

    #[test]
    fn cheap_hashing_is_valid_only_for_tests() {
        assert_eq!(IdentityConfig::for_tests().check(), Ok(()));
        let mut config = IdentityConfig::for_tests();
        config.password_hashing.insecure_for_tests = false;
        assert_eq!(config.check(), Err(ConfigError::Hashing(CostError::Cheap)));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let config = IdentityConfig {
            access_token_lifetime: Duration::from_hours(2).into(),
            ..IdentityConfig::default()
        };
        assert!(matches!(
            config.check(),
            Err(ConfigError::Lifetime {
                field: "access_token_lifetime",
                ..
            })
        ));
        let config = IdentityConfig {
            key_encryption_secret: Secret::new("short"),
            ..IdentityConfig::default()
        };
        assert_eq!(config.check(), Err(ConfigError::Secret));
    }
}
