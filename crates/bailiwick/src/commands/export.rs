//! `bailiwick export`: a file that is complete or not there.

use std::{
    io::{IsTerminal, Write},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bailiwick_proto::authorization::v1::{ExportFormat, ExportPermissionsRequest, ExportPermissionsResponse};
use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::{
    cli::{Export, FileFormat, Output},
    connect, output, words,
};

/// What `export` prints.
#[derive(Serialize)]
struct Written {
    file: String,
    subjects: u32,
    rows: u64,
    bytes: u64,
    revision: u64,
}

/// Writes the file.
pub(crate) async fn run(arguments: &Export, how: Output) -> Result<()> {
    let path = &arguments.output_file;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    // Beside the file that it becomes: a rename does not cross file systems.
    let mut file = NamedTempFile::new_in(folder)
        .with_context(|| format!("no file can be made in `{}`", folder.display()))?;
    let written = tokio::select! {
        written = receive(arguments, &mut file) => written?,
        // Leaving by the end of the function takes the temporary file along.
        told = stopped() => {
            told?;
            bail!("interrupted: nothing was written");
        }
    };
    file.as_file().sync_all().context("the file cannot be written")?;
    open_to_readers(&file)?;
    file.persist(path)
        .with_context(|| format!("`{}` cannot be written", path.display()))?;
    output::print(how, &written, |written| {
        format!(
            "{}: {} of {} at revision {}",
            written.file,
            counted(written.rows, "permission"),
            counted(u64::from(written.subjects), "subject"),
            written.revision
        )
    })
}

/// A temporary file is its owner's alone; this one becomes a file like any other.
fn open_to_readers(file: &NamedTempFile) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What people may do is not for everybody on the machine: the group may read it, nobody else.
        let mode = std::fs::Permissions::from_mode(0o640);
        file.as_file()
            .set_permissions(mode)
            .context("the file cannot be written")?;
    }
    Ok(())
}

fn counted(n: u64, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

async fn stopped() -> Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut end = signal(SignalKind::terminate())?;
        tokio::select! {
            told = tokio::signal::ctrl_c() => told?,
            _ = end.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

async fn receive(arguments: &Export, file: &mut NamedTempFile) -> Result<Written> {
    let format = match arguments.format {
        FileFormat::Csv => ExportFormat::Csv,
        FileFormat::Xlsx => ExportFormat::Xlsx,
    };
    let request = ExportPermissionsRequest {
        account: arguments.account.clone(),
        format: format.into(),
        subject: arguments.subject.clone().unwrap_or_default(),
    };
    let client = connect::client(&arguments.connection)?;
    let mut parts = client
        .authorization()
        .export()
        .export_permissions(request)
        .await
        .map_err(words::fault)?
        .into_inner();
    // How much there is stands in the first part: until then there is nothing to draw.
    let mut bar = ProgressBar::hidden();
    let mut bytes = 0;
    let mut last: Option<ExportPermissionsResponse> = None;
    while let Some(part) = parts.message().await.map_err(words::fault)? {
        file.write_all(&part.content)
            .context("the file cannot be written")?;
        bytes += part.content.len() as u64;
        if last.is_none() {
            bar = progress(part.subjects_total.into());
        }
        bar.set_length(part.subjects_total.into());
        bar.set_position(part.subjects_done.into());
        bar.set_message(counted(part.rows_done, "permission"));
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
        _ => bail!("the export ended before its end: nothing was written"),
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(subjects: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(subjects);
    let left = |state: &ProgressState, to: &mut dyn std::fmt::Write| {
        // A guess needs something to go by.
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
