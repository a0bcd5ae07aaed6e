//! The audit log: follows the feeds of all services, and exports.

mod config;
mod convert;
mod export;
mod follow;

use std::sync::Arc;

use bailiwick_tenancy_core::audit::Log;

pub use config::AuditConfig;
pub use convert::steps;
pub(crate) use export::{Exporter, Format};
pub use follow::AuditFollower;

/// What the methods of the audit log need.
#[derive(Clone)]
pub(crate) struct AuditLog {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) exporter: Exporter,
}

bailiwick_types::debug_fields!(AuditLog {});
