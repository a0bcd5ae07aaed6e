//! `bailiwick operator`.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use bailiwick_identity_server::operator::{self, SecretSource};
use bailiwick_types::{Service, SystemClock, SystemIds, SystemRng};
use serde::Serialize;

use crate::{
    cli::Output,
    config::{Config, Source},
    output, secret,
    suite::databases::{self, Purpose},
};

/// Commands about operators.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Create the first operator in identity's database; works once. No service needs to run.
    Create(Create),
}

/// Arguments of `operator create`.
#[derive(clap::Args, Debug)]
pub(crate) struct Create {
    /// E-mail address of the operator.
    #[arg(long)]
    email: String,
    /// File with the password in its first line.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "password_out",
        conflicts_with = "password_out"
    )]
    password_file: Option<PathBuf>,
    /// File to write a random password to; it is created with mode 0600 and must not exist.
    #[arg(long, value_name = "FILE")]
    password_out: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// The operator that was created.
#[derive(Serialize)]
struct Created {
    user: String,
    email: String,
    password_file: Option<String>,
}

/// Creates the first operator.
pub(crate) async fn run(Command::Create(arguments): &Command, output: Output) -> Result<()> {
    let config = Config::load(&arguments.source, &[])?;
    let source = match (&arguments.password_file, &arguments.password_out) {
        (Some(file), _) => SecretSource::Given(secret::first_line(file)?),
        (None, Some(file)) => SecretSource::File(file.clone()),
        (None, None) => anyhow::bail!("`--password-file` or `--password-out` is required"),
    };
    let created = Created {
        user: create(&config, &arguments.email, &source).await?,
        email: arguments.email.clone(),
        password_file: arguments.password_out.as_ref().map(|p| p.display().to_string()),
    };
    output::print(output, &created, |created| {
        let file = created.password_file.as_ref();
        let file = file.map(|file| format!("; the password is in `{file}`"));
        format!(
            "created operator {} ({}){}",
            created.email,
            created.user,
            file.unwrap_or_default()
        )
    })
}

/// Creates the first operator of a deployment; returns the id of its user.
pub(crate) async fn create(config: &Config, email: &str, source: &SecretSource) -> Result<String> {
    let clock = Arc::new(SystemClock);
    let db = databases::connect(config, Service::Identity, Purpose::Command, clock).await?;
    if databases::is_embedded(config, Service::Identity) {
        databases::migrate(&db, Service::Identity).await?;
    }
    let hashing = &config.identity.password_hashing;
    let created = operator::create(&db, hashing, &SystemIds, Arc::new(SystemRng), email, source).await;
    db.close().await;
    Ok(created?.user.to_string())
}
