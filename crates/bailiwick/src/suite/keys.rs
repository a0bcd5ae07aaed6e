//! The key by which the services know each other.

use anyhow::{Result, ensure};
use bailiwick_rpc::Secret;
use bailiwick_types::Service;

use crate::config::{Config, secret_file};

/// The configured key. Where there is none and all services run in this process, one that is made in the data directory.
pub(crate) fn internal(config: &Config, services: &[Service]) -> Result<Secret> {
    if let Some(key) = &config.internal.key {
        return Ok(key.clone());
    }
    ensure!(
        services.len() == Service::ALL.len(),
        "`internal.key` is missing: services in separate processes know each other by it (at least 32 characters, the same for all)"
    );
    let path = config.data_dir()?.join("internal.key");
    Ok(Secret::new(secret_file(&path, || super::random_text(48))?))
}
