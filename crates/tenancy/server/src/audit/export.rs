//! Exports of the audit log: JSON lines, comma-separated values, spreadsheets.

use std::{
    io::SeekFrom,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bailiwick_proto::tenancy::v1::ExportAuditEntriesResponse as Part;
use bailiwick_rpc::{MacKeys, status};
use bailiwick_sheets::{Csv, Layout, SheetError, Xlsx};
use bailiwick_tenancy_core::audit::{Log, Opened, export::Export, file};
use bailiwick_types::{Code, Fault, Reason, ScopeRoot, StoreError};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};
use tonic::Status;

use super::AuditConfig;
use crate::AuditSecrets;

/// The greatest number of bytes in a part.
const PART: usize = 128 * 1024;
/// How long a part waits for a reader: who reads slower than this does not read.
const PATIENCE: Duration = Duration::from_mins(1);
/// When to try again. It is no promise.
const AGAIN: Duration = Duration::from_secs(5);

/// The look of a spreadsheet, and the columns of all tables.
const LAYOUT: Layout = Layout {
    name: "Audit log",
    columns: &[
        ("Number", 10.0),
        ("Time", 28.0),
        ("Service", 14.0),
        ("Actor", 38.0),
        ("On behalf of", 38.0),
        ("Action", 48.0),
        ("Target", 42.0),
        ("Outcome", 10.0),
        ("Attempts", 10.0),
        ("Network", 18.0),
        ("Device", 28.0),
        ("Details", 42.0),
        ("Before", 32.0),
        ("After", 32.0),
        ("Erased", 8.0),
        ("Request", 34.0),
        ("Trace", 34.0),
        ("Entry", 34.0),
    ],
};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    JsonLines,
    Csv,
    Xlsx,
}

/// Why an export ends before its end.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sheet(#[from] SheetError),
    #[error("the file cannot be made: {0}")]
    File(#[from] std::io::Error),
    #[error("no key signs the export")]
    Unsigned,
    #[error("nobody reads the export")]
    Unread,
    #[error("the export was not finished within {0:?}")]
    Late(Duration),
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Sheet(_) | Self::File(_) | Self::Unsigned => Code::Internal,
            Self::Unread | Self::Late(_) => Code::DeadlineExceeded,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Store(error) => error.reason(),
            Self::Sheet(_) | Self::File(_) | Self::Unsigned => Reason::Internal,
            Self::Unread | Self::Late(_) => Reason::DeadlineExceeded,
        }
    }
}

/// There is no place for an export.
#[derive(Debug, thiserror::Error)]
#[error("too many exports at once; the limit is `tenancy.audit.exports_at_once`")]
pub(crate) struct Busy;

impl Fault for Busy {
    fn code(&self) -> Code {
        Code::ResourceExhausted
    }
    fn reason(&self) -> Reason {
        Reason::Overloaded
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(AGAIN)
    }
}

/// Makes exports.
#[derive(Debug, Clone)]
pub(crate) struct Exporter {
    directory: PathBuf,
    limit: Duration,
    places: Arc<Semaphore>,
    keys: MacKeys,
}

impl Exporter {
    pub(crate) fn new(config: &AuditConfig, secrets: AuditSecrets) -> Self {
        Self {
            directory: config.directory.clone().unwrap_or_else(std::env::temp_dir),
            limit: config.export_time_limit.get(),
            places: Arc::new(Semaphore::new(config.exports_at_once)),
            keys: secrets.keys,
        }
    }
    /// A place for an export.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, Busy> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)
    }
    /// Writes an export to `parts`; an error is the last part. Dropping the receiver ends it.
    pub(crate) async fn run(
        self,
        _place: OwnedSemaphorePermit,
        log: Arc<dyn Log>,
        export: Export,
        format: Format,
        parts: mpsc::Sender<Result<Part, Status>>,
    ) {
        let tell = parts.clone();
        let out = Out {
            parts,
            end: Instant::now() + self.limit,
            limit: self.limit,
            entries: 0,
        };
        let done = match format {
            Format::JsonLines => self.lines(&*log, export, out).await,
            Format::Csv => csv(&*log, export, out).await,
            Format::Xlsx => self.xlsx(&*log, export, out).await,
        };
        match done {
            Ok(()) => {}
            Err(Error::Unread) => tracing::debug!("an export is not read to its end"),
            Err(error) => {
                let _ = tell.send_timeout(Err(status(&error)), PATIENCE).await;
            }
        }
    }

    async fn lines(&self, log: &dyn Log, mut export: Export, mut out: Out) -> Result<(), Error> {
        let chain = ScopeRoot::Account(export.account().id()).to_string();
        let mut writer = file::Writer::new(chain, export.filter(), export.head());
        loop {
            let entries = export.next(log).await?;
            if entries.is_empty() {
                break;
            }
            let mut content = Vec::new();
            for entry in entries {
                writer.line(entry, &mut content);
                out.entries += 1;
            }
            out.send(content).await?;
        }
        let mut content = Vec::new();
        let sign = |message: &[u8]| {
            let (key, code) = self.keys.sign(&[message])?;
            Some((key.to_vec(), code.to_vec()))
        };
        writer.finish(sign, &mut content).ok_or(Error::Unsigned)?;
        out.send(content).await?;
        out.finish().await
    }

    async fn xlsx(&self, log: &dyn Log, mut export: Export, mut out: Out) -> Result<(), Error> {
        let mut book = Xlsx::new(&self.directory, LAYOUT)?;
        loop {
            let entries = export.next(log).await?;
            if entries.is_empty() {
                break;
            }
            for entry in &entries {
                let cells = cells(entry);
                book.row(&cells.each_ref().map(String::as_str))?;
                out.entries += 1;
            }
            out.progress().await?;
        }
        let made = book.finish(tempfile::tempfile_in(&self.directory)?).await?;
        let mut made = File::from_std(made);
        made.seek(SeekFrom::Start(0)).await?;
        loop {
            let mut chunk = Vec::with_capacity(PART);
            let limit = u64::try_from(PART).unwrap_or(u64::MAX);
            (&mut made).take(limit).read_to_end(&mut chunk).await?;
            if chunk.is_empty() {
                return out.finish().await;
            }
            out.send(chunk).await?;
        }
    }
}

async fn csv(log: &dyn Log, mut export: Export, mut out: Out) -> Result<(), Error> {
    let mut csv = Csv::default();
    let titles: Vec<&str> = LAYOUT.columns.iter().map(|(title, _)| *title).collect();
    csv.row(&titles)?;
    loop {
        let entries = export.next(log).await?;
        if entries.is_empty() {
            out.send(csv.take()?).await?;
            return out.finish().await;
        }
        for entry in &entries {
            let cells = cells(entry);
            csv.row(&cells.each_ref().map(String::as_str))?;
            out.entries += 1;
        }
        out.send(csv.take()?).await?;
    }
}

/// Where parts go, and how far the export is.
struct Out {
    parts: mpsc::Sender<Result<Part, Status>>,
    end: Instant,
    limit: Duration,
    entries: u64,
}

impl Out {
    async fn send(&self, content: Vec<u8>) -> Result<(), Error> {
        for chunk in content.chunks(PART) {
            self.part(chunk.to_vec(), false).await?;
        }
        Ok(())
    }
    /// Says how far it is.
    async fn progress(&self) -> Result<(), Error> {
        self.part(Vec::new(), false).await
    }
    async fn finish(&self) -> Result<(), Error> {
        self.part(Vec::new(), true).await
    }
    async fn part(&self, content: Vec<u8>, last: bool) -> Result<(), Error> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::Late(self.limit));
        }
        let part = Part {
            content,
            entries_done: self.entries,
            last,
        };
        let sent = self.parts.send_timeout(Ok(part), PATIENCE.min(left)).await;
        sent.map_err(|_| Error::Unread)
    }
}

/// The cells of an entry, in the order of the columns.
fn cells(one: &Opened) -> [String; 18] {
    let entry = &one.entry;
    let details: Vec<String> = entry
        .details
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let json = |map: &serde_json::Map<String, serde_json::Value>| {
        if map.is_empty() {
            String::new()
        } else {
            serde_json::to_string(map).unwrap_or_default()
        }
    };
    [
        entry.sequence.to_string(),
        entry.time.to_string(),
        entry.service.as_str().to_owned(),
        entry.actor.clone(),
        entry.on_behalf_of.clone(),
        entry.action.clone(),
        entry.target.clone(),
        entry.outcome.as_str().to_owned(),
        entry.attempts.to_string(),
        one.personal.network.clone(),
        one.personal.device.clone(),
        details.join("; "),
        json(&one.personal.before),
        json(&one.personal.after),
        if one.erased { "yes" } else { "" }.to_owned(),
        entry.request_id.clone(),
        entry.trace_id.clone(),
        entry.id.to_string(),
    ]
}
