//! The configuration of the audit log.

use std::{path::PathBuf, time::Duration};

use bailiwick_rpc::HumanDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The audit log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Directory for spreadsheets that are being made; each is gone when its reader has it. Default: that of
    /// the system for temporary files.
    pub directory: Option<PathBuf>,
    /// The greatest number of exports at once. More are refused with `RESOURCE_EXHAUSTED`.
    pub exports_at_once: usize,
    /// How long an export may take, reading it included.
    pub export_time_limit: HumanDuration,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            directory: None,
            exports_at_once: 8,
            export_time_limit: Duration::from_mins(10).into(),
        }
    }
}
