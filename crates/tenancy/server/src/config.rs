//! Tenancy's own configuration.

use std::time::Duration;

use bailiwick_rpc::HumanDuration;
use bailiwick_tenancy_core::Limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::AuditConfig;

/// The configuration of tenancy.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TenancyConfig {
    /// The longest time that a request waits for the revisions of its consistency token.
    pub token_wait: HumanDuration,
    /// The interval at which interrupted suspensions and deletions are finished.
    pub closing_interval: HumanDuration,
    /// The age from which an unfinished suspension or deletion counts as interrupted.
    pub closing_age: HumanDuration,
    /// How long events of the feed are kept; a follower that was away for longer starts from a snapshot.
    pub feed_retention: HumanDuration,
    /// How long the answers to requests with a `request_id` are kept.
    pub request_retention: HumanDuration,
    /// How many places one account may have.
    pub limits: Limits,
    /// The audit log.
    pub audit: AuditConfig,
}

impl Default for TenancyConfig {
    fn default() -> Self {
        Self {
            token_wait: Duration::from_millis(500).into(),
            closing_interval: Duration::from_secs(2).into(),
            closing_age: Duration::from_secs(5).into(),
            feed_retention: Duration::from_hours(7 * 24).into(),
            request_retention: Duration::from_hours(7 * 24).into(),
            limits: Limits::default(),
            audit: AuditConfig::default(),
        }
    }
}
