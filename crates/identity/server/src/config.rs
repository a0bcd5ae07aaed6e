//! Identity's configuration.

use std::time::Duration;

use bailiwick_identity_core::{
    attempt::{AdmissionLimits, Limit, Rate, Throttle},
    operator::Policy,
    password::{CostError, HashCost, Shares},
    session::{LONGEST_ACCESS, Lifetimes},
    signing::KeyTimes,
};
use bailiwick_rpc::{HumanDuration, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    api_keys::{ApiKeyConfig, ApiKeyConfigError},
    mail::{MailConfig, MailConfigError},
    passwords::{PasswordConfig, PasswordConfigError},
};

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
    /// What passwords are compared with and depend on.
    pub passwords: PasswordConfig,
    /// What API keys are stored under.
    pub api_keys: ApiKeyConfig,
    /// Mails to users.
    pub mail: MailConfig,
    /// The limits of wrong passwords.
    pub sign_in_attempts: SignInAttempts,
    /// How many sign-ins this process lets in.
    pub sign_in_admission: SignInAdmission,
    /// How long a device at which a user has signed in is known without another sign-in: 1d to 400d.
    pub known_device_lifetime: HumanDuration,
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
    /// The number of passwords that this process hashes at once for sign-ins from devices that are not known.
    pub parallel: usize,
    /// The same for sign-ins from known devices, which others do not hold up.
    pub parallel_known_devices: usize,
    /// The same for callers that are signed in: `Reauthenticate`, and passwords that are set.
    pub parallel_signed_in: usize,
    /// Allows cheaper parameters, which protect nothing: only for tests.
    pub insecure_for_tests: bool,
}

/// The limits of attempts: those that succeed do not count.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SignInAttempts {
    /// The number for an e-mail address from one client network (/24, of IPv6 /64), for a known device, for
    /// `Reauthenticate` in a session, and for a client of the token endpoint from one network.
    pub limit: u32,
    /// Their window, from the first attempt.
    pub window: HumanDuration,
    /// The number for an e-mail address from all networks together. Known devices do not count.
    pub address_limit: u32,
    /// Its window.
    pub address_window: HumanDuration,
    /// After how many failures in succession from devices that are not known the password of a user is
    /// refused from these, right or wrong, until an operator resets or enables the user again.
    pub lock_after: u32,
}

/// How many sign-ins from devices that are not known this process lets in. Beyond a rate they wait, in the
/// order of their arrival; beyond the number that may wait they are refused.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SignInAdmission {
    /// The lasting rate of one client network.
    pub network_per_second: u32,
    /// How many of it pass at once after a pause.
    pub network_burst: u32,
    /// How many of it may be under way or wait.
    pub network_waiting: usize,
    /// The lasting rate in total.
    pub per_second: u32,
    /// How many pass at once after a pause.
    pub burst: u32,
    /// How many may be under way or wait.
    pub waiting: usize,
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
            passwords: PasswordConfig::default(),
            api_keys: ApiKeyConfig::default(),
            mail: MailConfig::default(),
            sign_in_attempts: SignInAttempts::default(),
            sign_in_admission: SignInAdmission::default(),
            known_device_lifetime: lifetimes.device.into(),
            operators: OperatorConfig::default(),
            key_encryption_secret: Secret::default(),
            signing_key_lifetime: KeyTimes::default().rotate_after.into(),
            feed_retention: Duration::from_hours(168).into(),
        }
    }
}

impl Default for PasswordHashing {
    fn default() -> Self {
        let (cost, shares) = (HashCost::default(), Shares::default());
        Self {
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            parallel: shares.sign_in,
            parallel_known_devices: shares.known_device,
            parallel_signed_in: shares.signed_in,
            insecure_for_tests: false,
        }
    }
}

impl Default for SignInAttempts {
    fn default() -> Self {
        let throttle = Throttle::default();
        Self {
            limit: throttle.near.most,
            window: throttle.near.window.into(),
            address_limit: throttle.address.most,
            address_window: throttle.address.window.into(),
            lock_after: throttle.lock_after,
        }
    }
}

impl Default for SignInAdmission {
    fn default() -> Self {
        let limits = AdmissionLimits::default();
        Self {
            network_per_second: limits.per_network.per_second,
            network_burst: limits.per_network.burst,
            network_waiting: limits.waiting_per_network,
            per_second: limits.total.per_second,
            burst: limits.total.burst,
            waiting: limits.waiting,
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
    /// A number that must not be zero.
    #[error("`{0}` must be at least 1")]
    Zero(&'static str),
    /// Passwords.
    #[error(transparent)]
    Passwords(#[from] PasswordConfigError),
    /// API keys.
    #[error(transparent)]
    ApiKeys(#[from] ApiKeyConfigError),
    /// Mails.
    #[error(transparent)]
    Mail(#[from] MailConfigError),
}

impl PasswordHashing {
    pub(crate) fn shares(&self) -> Shares {
        Shares {
            sign_in: self.parallel,
            known_device: self.parallel_known_devices,
            signed_in: self.parallel_signed_in,
        }
    }
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
                ..PasswordHashing::default()
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
        self.passwords.check()?;
        self.api_keys.check()?;
        self.mail.check()?;
        for (field, value, least, most, rule) in [
            (
                "access_token_lifetime",
                self.access_token_lifetime,
                60,
                LONGEST_ACCESS.as_secs(),
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
                "known_device_lifetime",
                self.known_device_lifetime,
                DAY,
                400 * DAY,
                "1d to 400d",
            ),
            (
                "sign_in_attempts.window",
                self.sign_in_attempts.window,
                1,
                DAY,
                "1s to 1d",
            ),
            (
                "sign_in_attempts.address_window",
                self.sign_in_attempts.address_window,
                1,
                30 * DAY,
                "1s to 30d",
            ),
            (
                "mail.limits.recipient_window",
                self.mail.limits.recipient_window,
                1,
                30 * DAY,
                "1s to 30d",
            ),
            (
                "mail.limits.account_window",
                self.mail.limits.account_window,
                1,
                30 * DAY,
                "1s to 30d",
            ),
            (
                "mail.limits.network_window",
                self.mail.limits.network_window,
                1,
                30 * DAY,
                "1s to 30d",
            ),
            ("mail.limits.resend", self.mail.limits.resend, 1, DAY, "1s to 1d"),
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
        let (attempts, admission) = (&self.sign_in_attempts, &self.sign_in_admission);
        let many = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        for (field, number) in [
            ("sign_in_attempts.limit", attempts.limit),
            ("sign_in_attempts.address_limit", attempts.address_limit),
            ("sign_in_attempts.lock_after", attempts.lock_after),
            (
                "sign_in_admission.network_per_second",
                admission.network_per_second,
            ),
            ("sign_in_admission.network_burst", admission.network_burst),
            (
                "sign_in_admission.network_waiting",
                many(admission.network_waiting),
            ),
            ("sign_in_admission.per_second", admission.per_second),
            ("sign_in_admission.burst", admission.burst),
            ("sign_in_admission.waiting", many(admission.waiting)),
        ] {
            if number == 0 {
                return Err(ConfigError::Zero(field));
            }
        }
        Ok(())
    }
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: self.access_token_lifetime.get(),
            session: self.session_lifetime.get(),
            idle: self.session_idle.get(),
            device: self.known_device_lifetime.get(),
            ..Lifetimes::default()
        }
    }
    pub(crate) fn throttle(&self) -> Throttle {
        Throttle {
            near: Limit {
                most: self.sign_in_attempts.limit,
                window: self.sign_in_attempts.window.get(),
            },
            address: Limit {
                most: self.sign_in_attempts.address_limit,
                window: self.sign_in_attempts.address_window.get(),
            },
            lock_after: self.sign_in_attempts.lock_after,
        }
    }
    pub(crate) fn admission(&self) -> AdmissionLimits {
        let admission = &self.sign_in_admission;
        AdmissionLimits {
            per_network: Rate {
                per_second: admission.network_per_second,
                burst: admission.network_burst,
            },
            total: Rate {
                per_second: admission.per_second,
                burst: admission.burst,
            },
            waiting_per_network: admission.network_waiting,
            waiting: admission.waiting,
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
    fn a_limit_of_zero_is_refused() {
        let mut config = IdentityConfig::default();
        config.sign_in_attempts.lock_after = 0;
        assert_eq!(
            config.check(),
            Err(ConfigError::Zero("sign_in_attempts.lock_after"))
        );
        let mut config = IdentityConfig::default();
        config.sign_in_admission.waiting = 0;
        assert_eq!(
            config.check(),
            Err(ConfigError::Zero("sign_in_admission.waiting"))
        );
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
