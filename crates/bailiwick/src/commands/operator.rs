//! `bailiwick operator`.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use bailiwick_identity_server::operator::{self, ResetOptions, SecretSource};
use bailiwick_sql::Db;
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
    /// Create an operator in identity's database, where no active user is one. No service needs to run.
    Create(Create),
    /// Give an operator who lost its password a new one, in identity's database. No service needs to run.
    ///
    /// All sessions of the operator end, its failed sign-ins are forgotten, and the reset is recorded in the
    /// audit log. Other users are refused.
    Reset(Reset),
}

/// The password of an operator.
#[derive(clap::Args, Debug)]
struct NewPassword {
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
}

impl NewPassword {
    fn source(&self) -> Result<SecretSource> {
        Ok(match (&self.password_file, &self.password_out) {
            (Some(file), _) => SecretSource::Given(secret::first_line(file)?),
            (None, Some(file)) => SecretSource::File(file.clone()),
            (None, None) => anyhow::bail!("`--password-file` or `--password-out` is required"),
        })
    }
    fn out(&self) -> Option<String> {
        self.password_out.as_ref().map(|path| path.display().to_string())
    }
}

/// Arguments of `operator create`.
#[derive(clap::Args, Debug)]
pub(crate) struct Create {
    /// E-mail address of the operator.
    #[arg(long)]
    email: String,
    #[command(flatten)]
    password: NewPassword,
    #[command(flatten)]
    source: Source,
}

/// Arguments of `operator reset`.
#[derive(clap::Args, Debug)]
pub(crate) struct Reset {
    /// E-mail address of the operator.
    #[arg(long)]
    email: String,
    #[command(flatten)]
    password: NewPassword,
    /// Also enable the operator if it is disabled; without this, a disabled one is refused.
    #[arg(long)]
    enable: bool,
    /// Also remove the second factor, for an operator that lost its authenticator and its recovery codes.
    #[arg(long)]
    remove_second_factor: bool,
    #[command(flatten)]
    source: Source,
}

/// What was done to an operator.
#[derive(Serialize)]
struct Done {
    user: String,
    email: String,
    password_file: Option<String>,
    /// The number of sessions that a reset ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_sessions: Option<usize>,
    /// Whether a reset enabled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

impl Done {
    fn print(&self, output: Output, act: &str) -> Result<()> {
        output::print(output, self, |done| {
            let mut text = format!("{act} operator {} ({})", done.email, done.user);
            if let Some(sessions) = done.ended_sessions {
                text += &format!("; {sessions} sessions ended");
            }
            if done.enabled == Some(true) {
                text += "; enabled";
            }
            if let Some(file) = &done.password_file {
                text += &format!("; the password is in `{file}`");
            }
            text
        })
    }
}

/// Creates an operator or resets its password.
pub(crate) async fn run(command: &Command, output: Output) -> Result<()> {
    match command {
        Command::Create(arguments) => {
            let config = Config::load(&arguments.source, &[])?;
            let password = arguments.password.source()?;
            let done = Done {
                user: create(&config, &arguments.email, &password).await?,
                email: arguments.email.clone(),
                password_file: arguments.password.out(),
                ended_sessions: None,
                enabled: None,
            };
            done.print(output, "created")
        }
        Command::Reset(arguments) => {
            let config = Config::load(&arguments.source, &[])?;
            reset(&config, arguments)
                .await?
                .print(output, "reset the password of")
        }
    }
}

/// Creates an operator of a deployment; returns the id of its user.
pub(crate) async fn create(config: &Config, email: &str, source: &SecretSource) -> Result<String> {
    let db = connect(config).await?;
    let created = operator::create(
        &db,
        &config.identity,
        &SystemIds,
        Arc::new(SystemRng),
        email,
        source,
    )
    .await;
    db.close().await;
    Ok(created?.user.to_string())
}

async fn reset(config: &Config, arguments: &Reset) -> Result<Done> {
    let password = arguments.password.source()?;
    let db = connect(config).await?;
    let email = &arguments.email;
    let options = ResetOptions {
        enable: arguments.enable,
        remove_second_factor: arguments.remove_second_factor,
    };
    let done = operator::reset(
        &db,
        &config.identity,
        Arc::new(SystemRng),
        email,
        &password,
        options,
    )
    .await;
    db.close().await;
    let done = done?;
    Ok(Done {
        user: done.user.to_string(),
        email: email.clone(),
        password_file: arguments.password.out(),
        ended_sessions: Some(done.ended),
        enabled: Some(done.enabled),
    })
}

async fn connect(config: &Config) -> Result<Db> {
    let clock = Arc::new(SystemClock);
    let db = databases::connect(config, Service::Identity, Purpose::Command, clock).await?;
    if databases::is_embedded(config, Service::Identity) {
        databases::migrate(&db, Service::Identity).await?;
    }
    Ok(db)
}
