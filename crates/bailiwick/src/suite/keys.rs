//! The key with which the services authenticate each other.

use anyhow::{Result, ensure};
use bailiwick_rpc::Secret;
use bailiwick_types::Service;

use crate::config::{Config, secret_file};

/// The configured key, or else one that is created in the data directory if all services run in this process.
pub(crate) fn internal(config: &Config, services: &[Service]) -> Result<Secret> {
    if let Some(key) = &config.internal.key {
        return Ok(key.clone());
    }
    ensure!(
        services.len() == Service::ALL.len(),
        "`internal.key` is required: services in separate processes authenticate each other with it (at least 32 characters, the same for all)"
    );
    let path = config.data_dir()?.join("internal.key");
    Ok(Secret::new(secret_file(&path, || super::random_text(48))?))
}
