//! `bailiwick config`.

use anyhow::Result;
use bailiwick_rpc::{MacKeys, Purpose};
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
    config.internal.check()?;
    if config
        .integrity
        .secret
        .as_ref()
        .is_some_and(|secret| !secret.is_empty())
    {
        MacKeys::derive(&config.integrity, Purpose::ConsistencyToken)?;
    }
    Ok(config)
}
