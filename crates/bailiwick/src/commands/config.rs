//! `bailiwick config`.

use anyhow::{Result, ensure};

use crate::{cli::Configured, config::Config, output};

/// Prints the JSON schema of the configuration.
pub(crate) fn schema() -> Result<()> {
    output::line(serde_json::to_string_pretty(&schemars::schema_for!(Config))?);
    Ok(())
}

/// Reads the configuration and prints what came of it.
pub(crate) fn check(configured: &Configured) -> Result<()> {
    let config = Config::load(configured, &[])?;
    config.identity.check()?;
    if let Some(key) = &config.internal.key {
        ensure!(
            key.expose().len() >= 32,
            "`internal.key` must have at least 32 characters"
        );
    }
    output::line(serde_json::to_string_pretty(&config)?);
    Ok(())
}
