//! `bailiwick backup`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use bailiwick_types::{Service, SystemClock};
use serde::Serialize;

use crate::{
    cli::Output,
    config::{Config, Source},
    output,
    suite::databases::{self, Purpose},
};

/// Arguments of `backup`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Directory to create for the copies; it must not exist.
    #[arg(value_name = "TO")]
    to: PathBuf,
    #[command(flatten)]
    source: Source,
}

/// What was copied.
#[derive(Serialize)]
struct Copied {
    directory: String,
    databases: Vec<Database>,
}

/// A copied database.
#[derive(Serialize)]
struct Database {
    service: &'static str,
    bytes: u64,
}

/// Copies the embedded databases, all as they are at one moment.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<()> {
    let config = Config::load(&arguments.source, &[])?;
    let services = databases::embedded(&config)?;
    for service in &services {
        databases::must_exist(&config, *service)?;
    }
    let to = &arguments.to;
    ensure!(!to.exists(), "`{}` exists already", to.display());
    let parent = match to.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // Copies that are not complete go with their directory.
    let partial = tempfile::Builder::new()
        .prefix(".bailiwick-backup-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot create a directory in `{}`", parent.display()))?;
    let databases = copy_all(&config, &services, partial.path()).await?;
    File::open(partial.path())?.sync_all()?;
    let partial = partial.keep();
    std::fs::rename(&partial, to).with_context(|| {
        format!(
            "the copies are in `{}`, which cannot be renamed to `{}`",
            partial.display(),
            to.display()
        )
    })?;
    File::open(parent)?.sync_all()?;
    let copied = Copied {
        directory: to.display().to_string(),
        databases,
    };
    output::print(output, &copied, |copied| {
        let names: Vec<&str> = copied.databases.iter().map(|copy| copy.service).collect();
        let bytes: u64 = copied.databases.iter().map(|copy| copy.bytes).sum();
        format!(
            "backed up {} to `{}` ({bytes} bytes); `bailiwick restore` puts them back",
            names.join(", "),
            copied.directory
        )
    })
}

async fn copy_all(config: &Config, services: &[Service], to: &Path) -> Result<Vec<Database>> {
    // Writers wait until all are copied, so that the copies are of one moment.
    let mut held = Vec::new();
    for service in services {
        let db = databases::connect(config, *service, Purpose::Command, Arc::new(SystemClock)).await?;
        db.check_schema(&databases::migrations(*service)).await?;
        let tx = db
            .begin_write(&[])
            .await
            .with_context(|| format!("cannot hold writes to the database of {service}"))?;
        held.push((db, tx));
    }
    let mut copied = Vec::new();
    for service in services {
        copied.push(copy(config, *service, to).await?);
    }
    for (db, tx) in held {
        tx.rollback().await?;
        db.close().await;
    }
    Ok(copied)
}

async fn copy(config: &Config, service: Service, to: &Path) -> Result<Database> {
    // A connection of its own: the other one is in a transaction.
    let db = databases::connect(config, service, Purpose::Command, Arc::new(SystemClock)).await?;
    let file = to.join(databases::file_name(service));
    let copied = db.backup(&file).await;
    db.close().await;
    copied.with_context(|| format!("cannot copy the database of {service}"))?;
    Ok(Database {
        service: service.as_str(),
        bytes: file.metadata()?.len(),
    })
}
