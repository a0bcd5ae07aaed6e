//! The key with which the services authenticate each other, and the secret that signing keys are stored
//! under.

use anyhow::{Result, ensure};
use bailiwick_rpc::Secret;
use bailiwick_types::Service;

use super::databases;
use crate::config::{Config, secret_file};

/// Refuses to store the keys that sign access tokens in plain text: the database of a server has more readers
/// and more copies than the data directory of this process.
pub(crate) fn sealed(config: &Config) -> Result<()> {
    let open = !databases::is_embedded(config, Service::Identity)
        && config.identity.key_encryption_secret.is_empty();
    ensure!(
        !open || config.insecure,
        "`identity.key_encryption_secret` is required with a database server (at least 32 characters): without it the \
         keys that sign access tokens are stored in plain text; `--insecure` starts all the same"
    );
    Ok(())
}

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
