//! Authorization's own configuration.

use std::time::Duration;

use bailiwick_rpc::HumanDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::replica::ReplicaConfig;

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
    /// How long the answers of requests with a `request_id` are kept.
    pub request_retention: HumanDuration,
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
            request_retention: Duration::from_secs(7 * 24 * 3600).into(),
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
