//! `bailiwick config`.

use anyhow::{Result, ensure};
use bailiwick_types::Service;

use crate::{
    config::{Config, Source},
    output,
    suite::databases,
};

/// Commands about the configuration.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Print the JSON schema of the configuration file.
    Schema,
    /// Check the configuration as `serve` would read it and print it, secrets redacted.
    Check(Source),
}

/// Prints the schema or the configuration.
pub(crate) fn run(command: &Command) -> Result<()> {
    let text = match command {
        Command::Schema => serde_json::to_string_pretty(&schemars::schema_for!(Config))?,
        Command::Check(source) => serde_json::to_string_pretty(&checked(source)?)?,
    };
    output::line(text);
    Ok(())
}

fn checked(source: &Source) -> Result<Config> {
    let config = Config::load(source, &[])?;
    config.identity.check()?;
    for service in Service::ALL {
        databases::check(&config, service)?;
    }
    config.authorization.redis.settings()?;
    if let Some(key) = &config.internal.key {
        ensure!(
            key.expose().len() >= 32,
            "`internal.key` must have at least 32 characters"
        );
    }
    Ok(config)
}
