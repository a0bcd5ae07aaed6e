//! `bailiwick restore`.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use bailiwick_sql::{Db, query};
use bailiwick_types::{Service, SystemClock};
use serde::Serialize;

use crate::{
    cli::Output,
    config::{Config, Source},
    output,
    suite::{databases, directory},
};

/// Arguments of `restore`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Directory that `bailiwick backup` has made.
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// Replace the databases that are in the data directory.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    source: Source,
}

/// A restored database.
#[derive(Serialize)]
struct Restored {
    service: &'static str,
    epoch: String,
}

/// Puts copies in the place of the embedded databases, each with a new epoch.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<()> {
    let config = Config::load(&arguments.source, &[])?;
    let services = databases::embedded(&config)?;
    let data = config.data_dir()?;
    let taken = directory::take(&data)?;
    for service in &services {
        let copy = arguments.from.join(databases::file_name(*service));
        ensure!(copy.is_file(), "there is no copy at `{}`", copy.display());
        let file = databases::file(&config, *service)?;
        ensure!(
            arguments.replace || !file.exists(),
            "`{}` exists: `--replace` replaces the databases in the data directory",
            file.display()
        );
    }
    let staging = tempfile::Builder::new()
        .prefix(".restore-")
        .tempdir_in(&data)
        .with_context(|| format!("cannot create a directory in `{}`", data.display()))?;
    let mut restored = Vec::new();
    for service in &services {
        let name = databases::file_name(*service);
        let copy = staging.path().join(&name);
        let prepared = prepare(&arguments.from.join(&name), &copy, *service).await;
        restored.push(Restored {
            service: service.as_str(),
            epoch: prepared.with_context(|| format!("cannot restore the database of {service}"))?,
        });
    }
    taken.replacing(|| {
        for service in &services {
            put(
                &staging.path().join(databases::file_name(*service)),
                &databases::file(&config, *service)?,
            )?;
        }
        Ok(File::open(&data)?.sync_all()?)
    })?;
    output::print(output, &restored, |restored| {
        let line = |one: &Restored| format!("{}: restored, new epoch {}", one.service, one.epoch);
        restored.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Copies a database, checks it, brings it to the current schema and gives it a new epoch, which it returns.
async fn prepare(from: &Path, copy: &Path, service: Service) -> Result<String> {
    // Created for its owner alone before it has content.
    bailiwick_sql::private_file(copy)?;
    // The content alone: `fs::copy` would give it the mode of the backup too.
    copy_content(from, copy).with_context(|| format!("cannot copy `{}`", from.display()))?;
    let db = databases::open_file(copy, service, Arc::new(SystemClock)).await?;
    let epoch = check(&db, service).await;
    db.close().await;
    let epoch = epoch?;
    // All of it is in the one file now: what is beside it stays behind.
    ensure!(
        !beside(copy, "-wal").exists(),
        "the copy was not written to its end"
    );
    File::open(copy)?.sync_all()?;
    Ok(epoch)
}

fn copy_content(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = File::options().write(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut to)?;
    Ok(())
}

async fn check(db: &Db, service: Service) -> Result<String> {
    let found = query(db.load(), "PRAGMA quick_check", vec![]).await?;
    let problems: Vec<String> = found
        .iter()
        .map(|row| row.try_get("", "quick_check"))
        .collect::<Result<_, _>>()?;
    ensure!(problems == ["ok"], "the copy is damaged: {}", problems.join("; "));
    databases::migrate(db, service).await?;
    db.check_schema(&databases::migrations(service)).await?;
    db.notice_copy().await?;
    Ok(db.rotate_epoch().await?.to_string())
}

/// Puts a file in the place of a database.
fn put(copy: &Path, file: &Path) -> Result<()> {
    // A log that was left behind would be applied to the new file.
    for path in [file.to_owned(), beside(file, "-wal"), beside(file, "-shm")] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace `{}`", path.display()));
            }
            _ => {}
        }
    }
    fs::rename(copy, file).with_context(|| format!("cannot create `{}`", file.display()))
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
