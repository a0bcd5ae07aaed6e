//! `bailiwick database`.

use std::sync::Arc;

use anyhow::{Context, Result};
use bailiwick_types::{Service, SystemClock};
use serde::Serialize;

use crate::{
    cli::Output,
    config::{self, Config, Source},
    output,
    suite::databases::{self, Purpose},
};

/// Commands about databases.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Start a new epoch in databases that were restored in a way that they cannot notice.
    ///
    /// Run it after a SQLite file was copied back, or a volume or virtual machine was reset to a snapshot.
    /// Consistency tokens, feed cursors and cached values from before are not used any more. PostgreSQL
    /// notices `pg_restore`, a recovery to a point in time and a promotion by itself; running the command
    /// then does no harm.
    Restored(Restored),
}

/// Arguments of `database restored`.
#[derive(clap::Args, Debug)]
pub(crate) struct Restored {
    /// Services whose databases were restored; all three if none is given.
    #[arg(value_name = "SERVICE", value_parser = config::service())]
    services: Vec<Service>,
    #[command(flatten)]
    source: Source,
}

/// A database with its new epoch.
#[derive(Serialize)]
struct Rotated {
    service: &'static str,
    epoch_before: String,
    epoch: String,
}

/// Runs a command about databases.
pub(crate) async fn run(Command::Restored(arguments): &Command, output: Output) -> Result<()> {
    let config = Config::load(&arguments.source, &[])?;
    let services = config::services(&arguments.services);
    for service in &services {
        databases::must_exist(&config, *service)?;
    }
    let mut done = Vec::new();
    for service in services {
        let (epoch_before, epoch) = rotate(&config, service).await?;
        done.push(Rotated {
            service: service.as_str(),
            epoch_before,
            epoch,
        });
    }
    output::print(output, &done, |done| {
        let mut lines: Vec<String> = done
            .iter()
            .map(|rotated| format!("{}: new epoch {}", rotated.service, rotated.epoch))
            .collect();
        lines.push(
            "Consistency tokens, feed cursors and cached values from before are not used any more; running \
             processes notice by themselves."
                .to_owned(),
        );
        lines.join("\n")
    })
}

/// Starts a new epoch in a database; returns the epoch before and the new one.
async fn rotate(config: &Config, service: Service) -> Result<(String, String)> {
    let db = databases::connect(config, service, Purpose::Command, Arc::new(SystemClock)).await?;
    let rotated = async {
        databases::prepare(&db, config, service).await?;
        let before = db.epoch().await?;
        Ok::<_, anyhow::Error>((before.to_string(), db.rotate_epoch().await?.to_string()))
    }
    .await;
    db.close().await;
    rotated.with_context(|| format!("cannot start a new epoch in the database of {service}"))
}
