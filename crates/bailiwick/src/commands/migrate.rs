//! `bailiwick migrate`.

use std::sync::Arc;

use anyhow::Result;
use bailiwick_types::{Service, SystemClock};
use serde::Serialize;

use crate::{
    cli::Output,
    config::{self, Config, Source},
    output,
    suite::databases::{self, Purpose},
};

/// Arguments of `migrate`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Services whose databases to migrate; all three if none is given.
    #[arg(value_name = "SERVICE", value_parser = config::service())]
    services: Vec<Service>,
    #[command(flatten)]
    source: Source,
}

/// What was done to one database.
#[derive(Serialize)]
struct Migrated {
    service: &'static str,
    applied: usize,
    newly_applied: usize,
}

/// Migrates the databases.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<()> {
    let config = Config::load(&arguments.source, &[])?;
    let mut done = Vec::new();
    for service in config::services(&arguments.services) {
        let clock = Arc::new(SystemClock);
        let db = databases::connect(&config, service, Purpose::Migrate, clock).await?;
        let migrations = databases::migrations(service);
        let before = db.schema_status(&migrations).await?.applied.len();
        databases::migrate(&db, service).await?;
        let applied = db.schema_status(&migrations).await?.applied.len();
        db.close().await;
        done.push(Migrated {
            service: service.as_str(),
            applied,
            newly_applied: applied.saturating_sub(before),
        });
    }
    output::print(output, &done, |done| {
        let line = |m: &Migrated| match m.newly_applied {
            0 => format!("{}: up to date ({} migrations)", m.service, m.applied),
            n => format!("{}: applied {n} of {} migrations", m.service, m.applied),
        };
        done.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}
