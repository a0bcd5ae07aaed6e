//! Tenancy's own configuration.

use std::time::Duration;

use bailiwick_rpc::HumanDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of tenancy.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TenancyConfig {
    /// How long a request waits for what its consistency token names, where it has no nearer deadline.
    pub token_wait: HumanDuration,
    /// How often suspensions and deletions that were cut off are looked for.
    pub closing_interval: HumanDuration,
    /// How old one has to be to count as cut off.
    pub closing_age: HumanDuration,
    /// How long events of the feed are kept: a follower that was away for longer starts from a snapshot.
    pub feed_retention: HumanDuration,
    /// How long the answers of requests with a `request_id` are kept.
    pub request_retention: HumanDuration,
}

impl Default for TenancyConfig {
    fn default() -> Self {
        Self {
            token_wait: Duration::from_millis(500).into(),
            closing_interval: Duration::from_secs(2).into(),
            closing_age: Duration::from_secs(5).into(),
            feed_retention: Duration::from_secs(7 * 24 * 3600).into(),
            request_retention: Duration::from_secs(7 * 24 * 3600).into(),
        }
    }
}
