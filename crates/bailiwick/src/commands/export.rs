//! `bailiwick export`: writes a file that is complete or does not exist.

use std::{
    fs::Permissions,
    io::{IsTerminal, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bailiwick_proto::authorization::v1::{ExportFormat, ExportPermissionsRequest, ExportPermissionsResponse};
use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::{
    cli::Output,
    connect::{self, Within},
    output::{self, count},
    suite,
};

/// Arguments of `export`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Format of the file.
    #[arg(long, value_enum)]
    format: Format,
    /// The file; written only when complete, over an existing one.
    #[arg(long, value_name = "FILE")]
    output_file: PathBuf,
    /// Only the permissions of this subject.
    #[arg(long, value_name = "TYPE:ID")]
    subject: Option<String>,
    #[command(flatten)]
    within: Within,
}

/// Formats of files.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A spreadsheet (Office Open XML).
    Xlsx,
}

/// Result of `export`.
#[derive(Serialize)]
struct Written {
    file: String,
    subjects: u32,
    rows: u64,
    bytes: u64,
    revision: u64,
}

/// Writes the file.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<()> {
    let path = &arguments.output_file;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    // In the same directory, since a rename does not cross file systems.
    let mut file = NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot create a file in `{}`", folder.display()))?;
    let written = tokio::select! {
        written = receive(arguments, &mut file) => written?,
        // Returning removes the temporary file.
        signal = suite::stopped() => bail!("interrupted by {}: nothing was written", signal?),
    };
    // Permissions are not for everybody on the machine: owner and group may read them.
    file.as_file()
        .set_permissions(Permissions::from_mode(0o640))
        .and_then(|()| file.as_file().sync_all())
        .context("cannot write the file")?;
    file.persist(path)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    output::print(output, &written, |written| {
        format!(
            "{}: {} of {} at revision {}",
            written.file,
            count(written.rows, "permission"),
            count(written.subjects, "subject"),
            written.revision
        )
    })
}

async fn receive(arguments: &Args, file: &mut NamedTempFile) -> Result<Written> {
    let format = match arguments.format {
        Format::Csv => ExportFormat::Csv,
        Format::Xlsx => ExportFormat::Xlsx,
    };
    let at = arguments.within.open().await?;
    let request = ExportPermissionsRequest {
        account: at.account,
        format: format.into(),
        subject: arguments.subject.clone().unwrap_or_default(),
    };
    let mut parts = connect::message(
        at.client
            .authorization()
            .export()
            .export_permissions(request)
            .await,
    )?;
    // The total is only known from the first part.
    let mut bar = ProgressBar::hidden();
    let mut bytes = 0;
    let mut last: Option<ExportPermissionsResponse> = None;
    while let Some(part) = parts.message().await.map_err(connect::error)? {
        file.write_all(&part.content).context("cannot write the file")?;
        bytes += part.content.len() as u64;
        if last.is_none() {
            bar = progress(part.subjects_total.into());
        }
        bar.set_length(part.subjects_total.into());
        bar.set_position(part.subjects_done.into());
        bar.set_message(count(part.rows_done, "permission"));
        let ended = part.last;
        last = Some(part);
        if ended {
            break;
        }
    }
    bar.finish_and_clear();
    match last {
        Some(part) if part.last => Ok(Written {
            file: arguments.output_file.display().to_string(),
            subjects: part.subjects_done,
            rows: part.rows_done,
            bytes,
            revision: part.revision,
        }),
        _ => bail!("the server ended the export early: nothing was written"),
    }
}

/// A progress bar if standard error is a terminal.
fn progress(subjects: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(subjects);
    let left = |state: &ProgressState, to: &mut dyn std::fmt::Write| {
        if state.pos() > 0 && Some(state.pos()) < state.len() {
            let _ = write!(to, "(about {:#} left)", HumanDuration(state.eta()));
        }
    };
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} subjects  {msg}  {elapsed} {left}");
    if let Ok(style) = style {
        bar.set_style(style.with_key("left", left));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
