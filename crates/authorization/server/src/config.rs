//! Authorization's own configuration.

use std::{path::PathBuf, time::Duration};

use bailiwick_authorization_core::Limits;
use bailiwick_authorization_engine::ReplicaConfig;
use bailiwick_rpc::{HumanDuration, Secret};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    DecisionLogConfig, RedisSetupError, WatchConfig, export::ExportConfig, redis::RedisSettings, redis_url,
};

/// What can be set for authorization.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthorizationConfig {
    /// How long a request waits for what its consistency token names, where it has no nearer deadline.
    pub token_wait: HumanDuration,
    /// The staleness bound: decisions are made from data that is at most so old.
    pub staleness: HumanDuration,
    /// How often the own outbox is looked at where no hint comes.
    pub poll_interval: HumanDuration,
    /// Megabytes for what decisions are made from.
    pub cache_megabytes: usize,
    /// The greatest number of accounts that are kept in the process.
    pub cache_accounts: usize,
    /// How many reads of the database fill the cache at once.
    pub cache_reads: usize,
    /// A cache that several processes share.
    pub redis: RedisConfig,
    /// Which decisions are recorded, and where.
    pub decision_log: DecisionLogConfig,
    /// Exports.
    pub exports: ExportConfig,
    /// Followers of products and accounts.
    pub watch: WatchConfig,
    /// What one account may have at most.
    pub limits: Limits,
    /// How long the answers of requests with a `request_id` are kept.
    pub request_retention: HumanDuration,
    /// How long the own feed is kept; who was away for longer starts from a snapshot.
    pub feed_retention: HumanDuration,
}

impl Default for AuthorizationConfig {
    fn default() -> Self {
        Self {
            token_wait: Duration::from_millis(500).into(),
            staleness: Duration::from_secs(10).into(),
            poll_interval: Duration::from_millis(500).into(),
            cache_megabytes: 256,
            cache_accounts: 100_000,
            cache_reads: 64,
            redis: RedisConfig::default(),
            decision_log: DecisionLogConfig::default(),
            exports: ExportConfig::default(),
            watch: WatchConfig::default(),
            limits: Limits::default(),
            request_retention: Duration::from_hours(168).into(),
            feed_retention: Duration::from_hours(168).into(),
        }
    }
}

impl AuthorizationConfig {
    /// How the replica behaves under this configuration.
    #[must_use]
    pub fn replica(&self) -> ReplicaConfig {
        ReplicaConfig {
            staleness: self.staleness.get(),
            poll_interval: self.poll_interval.get(),
            memory: self.cache_megabytes << 20,
            accounts: self.cache_accounts,
            reads: self.cache_reads,
            patience: self.token_wait.get(),
            ..ReplicaConfig::default()
        }
    }
}

/// A Redis that several processes share as a cache. It holds no truth: losing it costs speed alone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://` or `rediss://` with host and port; of a cluster some such URLs, with commas between.
    /// Unknown parameters are refused. None: no such cache.
    pub url: Option<Secret>,
    /// PEM file of the authorities that the certificate of a `rediss://` Redis is checked against, instead of
    /// the public ones.
    pub ca_file: Option<PathBuf>,
    /// Whether it is a Redis Cluster.
    pub cluster: bool,
    /// How long an answer may take before it counts as a miss.
    pub timeout: HumanDuration,
    /// How long a value stays.
    pub ttl: HumanDuration,
    /// How long Redis is left alone after it failed a few times in a row.
    pub pause: HumanDuration,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            cluster: false,
            timeout: Duration::from_millis(20).into(),
            ttl: Duration::from_hours(1).into(),
            pause: Duration::from_secs(1).into(),
        }
    }
}

impl RedisConfig {
    /// How to reach it, where there is one.
    ///
    /// # Errors
    /// A URL is malformed, or has a part that is not understood.
    pub fn settings(&self) -> Result<Option<RedisSettings>, RedisSetupError> {
        let Some(url) = &self.url else { return Ok(None) };
        let urls = redis_url::nodes(url.expose(), self.cluster);
        for url in &urls {
            redis_url::connection(url)?;
        }
        // The variable of OpenSSL, which programs without a setting of their own go by.
        let is_tls = |url: &secrecy::SecretString| url.expose_secret().starts_with("rediss:");
        let named = std::env::var_os("SSL_CERT_FILE").filter(|_| urls.iter().any(is_tls));
        let ca_file = self.ca_file.clone().or_else(|| named.map(PathBuf::from));
        Ok((!urls.is_empty()).then(|| RedisSettings {
            urls,
            ca_file,
            cluster: self.cluster,
            timeout: self.timeout.get(),
            ttl: self.ttl.get(),
            pause: self.pause.get(),
        }))
    }
}
