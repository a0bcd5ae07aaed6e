//! Exports of effective permissions: a file of rows, all of one snapshot, complete or failed.

mod row;
mod spool;

use std::{
    io::SeekFrom,
    sync::Arc,
    time::{Duration, Instant},
};

use bailiwick_authorization_engine::SourceError;
use bailiwick_policy::{Audience, DecisionInput, PermissionSet, Request, Target, Values, holdings};
use bailiwick_proto::authorization::v1::ExportPermissionsResponse as Part;
use bailiwick_rpc::status;
use bailiwick_sql::Db;
use bailiwick_types::{AccountAccess, Clock, Code, Fault, Reason, Subject, Timestamp};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    sync::{OwnedSemaphorePermit, mpsc},
};
use tonic::Status;

use crate::lists::{After, Person};
use crate::store::engine::{snapshot::AccountSnapshot, source_error};
use bailiwick_sheets::{Csv, Layout, SheetError, Xlsx};
use row::Titles;
pub(crate) use row::{HEADER, Row};
pub use spool::ExportConfig;
use spool::Slot;
pub(crate) use spool::Spool;

/// People that are looked up at a time.
const PEOPLE: usize = 100;
/// The greatest number of bytes in a part.
const PART: usize = 128 * 1024;
/// The look of a spreadsheet.
const LAYOUT: Layout = Layout {
    name: "Permissions",
    columns: &[
        (HEADER[0], 38.0),
        (HEADER[1], 28.0),
        (HEADER[2], 32.0),
        (HEADER[3], 42.0),
        (HEADER[4], 24.0),
        (HEADER[5], 26.0),
        (HEADER[6], 30.0),
        (HEADER[7], 30.0),
        (HEADER[8], 44.0),
        (HEADER[9], 10.0),
        (HEADER[10], 22.0),
    ],
};
/// How long a part waits for a reader: who reads slower than this does not read.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why an export ends before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The database does not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file cannot be made; the detail is for the log.
    #[error("the file cannot be made: {0}")]
    File(String),
    /// Nobody reads any more.
    #[error("nobody reads the export")]
    Unread,
    /// It has taken too long.
    #[error("the export was not finished within {0:?}")]
    Late(Duration),
}

impl From<bailiwick_sql::Error> for ExportError {
    fn from(error: bailiwick_sql::Error) -> Self {
        Self::Source(source_error(error))
    }
}

impl From<SheetError> for ExportError {
    fn from(error: SheetError) -> Self {
        Self::File(error.reason().to_owned())
    }
}

impl From<std::io::Error> for ExportError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error.to_string())
    }
}

impl Fault for ExportError {
    fn code(&self) -> Code {
        match self {
            Self::Source(error) => error.code(),
            Self::File(_) => Code::Internal,
            Self::Unread | Self::Late(_) => Code::DeadlineExceeded,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Source(error) => error.reason(),
            Self::File(_) => Reason::Internal,
            Self::Unread | Self::Late(_) => Reason::DeadlineExceeded,
        }
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Xlsx,
}

impl Format {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// What rows are written to.
enum Sheet {
    Csv(Box<Csv>),
    Xlsx(Box<Xlsx>),
}

/// Begins exports.
#[derive(Clone)]
pub(crate) struct Exporter {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spool: Spool,
}

impl Exporter {
    /// Opens a snapshot of an account; nothing where the account does not exist. `subject` limits the export
    /// to what that subject has.
    pub(crate) async fn begin(
        &self,
        slot: Slot,
        account: AccountAccess,
        format: Format,
        subject: Option<Subject>,
    ) -> Result<Option<Export>, ExportError> {
        let end = Instant::now() + self.spool.time_limit();
        // Before the transaction: who waits for a turn holds no connection.
        let turn = self.spool.turn().await?;
        let file = self.spool.file()?;
        let snapshot = AccountSnapshot::open(self.db.clone(), account).await?;
        Ok(snapshot.map(|snapshot| Export {
            reading: Reading {
                snapshot,
                _turn: turn,
                format,
                subject,
                now: self.clock.now(),
            },
            spool: self.spool.clone(),
            file: File::from_std(file),
            end,
            _slot: slot,
        }))
    }
}

/// An export on its way.
pub(crate) struct Export {
    reading: Reading,
    spool: Spool,
    file: File,
    end: Instant,
    _slot: Slot,
}

/// What is read from; it holds a transaction and its connection.
struct Reading {
    snapshot: AccountSnapshot,
    _turn: OwnedSemaphorePermit,
    format: Format,
    subject: Option<Subject>,
    now: Timestamp,
}

/// Where parts go, and how far the export is.
struct Out {
    parts: mpsc::Sender<Result<Part, Status>>,
    end: Instant,
    limit: Duration,
    done: u32,
    total: u32,
    revision: u64,
    rows: u64,
}

impl Out {
    fn part(&self, content: Vec<u8>, last: bool) -> Part {
        Part {
            content,
            subjects_done: self.done,
            subjects_total: self.total,
            last,
            revision: self.revision,
            rows_done: self.rows,
        }
    }
    /// Says how far it is, to a reader that has room for it: a slow one must not hold the transaction.
    fn progress(&self) -> Result<(), ExportError> {
        match self.parts.try_send(Ok(self.part(Vec::new(), false))) {
            Err(mpsc::error::TrySendError::Closed(_)) => Err(ExportError::Unread),
            _ if Instant::now() >= self.end => Err(ExportError::Late(self.limit)),
            _ => Ok(()),
        }
    }
    /// Waits for the reader.
    async fn send(&self, content: Vec<u8>, last: bool) -> Result<(), ExportError> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ExportError::Late(self.limit));
        }
        let part = self.part(content, last);
        let sent = self.parts.send_timeout(Ok(part), PATIENCE.min(left)).await;
        sent.map_err(|_| ExportError::Unread)
    }
}

impl Export {
    /// Makes the file, then writes it to `parts`; an error is the last part. Dropping the receiver ends it.
    pub(crate) async fn run(self, parts: mpsc::Sender<Result<Part, Status>>) {
        let tell = parts.clone();
        match self.write(parts).await {
            Ok(()) => {}
            Err(ExportError::Unread) => tracing::debug!("an export is not read to its end"),
            Err(error) => {
                let _ = tell.send_timeout(Err(status(&error)), PATIENCE).await;
            }
        }
    }

    async fn write(self, parts: mpsc::Sender<Result<Part, Status>>) -> Result<(), ExportError> {
        let mut out = Out {
            parts,
            end: self.end,
            limit: self.spool.time_limit(),
            done: 0,
            total: 0,
            revision: self.reading.snapshot.revision(),
            rows: 0,
        };
        // The transaction ends here, before the first byte waits for its reader.
        let mut made = self.reading.make(&mut out, &self.spool, self.file).await?;
        made.seek(SeekFrom::Start(0)).await?;
        loop {
            let mut chunk = Vec::with_capacity(PART);
            let limit = u64::try_from(PART).unwrap_or(u64::MAX);
            (&mut made).take(limit).read_to_end(&mut chunk).await?;
            if chunk.is_empty() {
                break;
            }
            out.send(chunk, false).await?;
        }
        out.send(Vec::new(), true).await
    }
}

impl Reading {
    /// Writes the whole file.
    async fn make(self, out: &mut Out, spool: &Spool, mut file: File) -> Result<File, ExportError> {
        let total = match &self.subject {
            Some(_) => 1,
            None => self.snapshot.count().await?,
        };
        out.total = u32::try_from(total).unwrap_or(u32::MAX);
        let mut sheet = match self.format {
            Format::Csv => Sheet::Csv(Box::default()),
            Format::Xlsx => Sheet::Xlsx(Box::new(Xlsx::new(spool.directory(), LAYOUT)?)),
        };
        if let Sheet::Csv(csv) = &mut sheet {
            csv.row(&HEADER)?;
        }
        let mut titles = Titles::default();
        let mut after = After::Start;
        loop {
            let people = self.people(&after).await?;
            let Some(last) = people.last() else { break };
            after = last.key.clone();
            for person in &people {
                for row in self.rows(person, &mut titles).await? {
                    out.rows += 1;
                    match &mut sheet {
                        Sheet::Csv(csv) => csv.row(&row.cells())?,
                        Sheet::Xlsx(xlsx) => xlsx.row(&row.cells())?,
                    }
                }
                out.done = out.done.saturating_add(1);
            }
            if let Sheet::Csv(csv) = &mut sheet {
                file.write_all(&csv.take()?).await?;
            }
            out.progress()?;
            if self.subject.is_some() {
                break;
            }
        }
        match sheet {
            Sheet::Csv(mut csv) => {
                file.write_all(&csv.take()?).await?;
                file.flush().await?;
                Ok(file)
            }
            Sheet::Xlsx(xlsx) => {
                // Packing needs no database.
                drop(self);
                let file = file.into_std().await;
                Ok(File::from_std(xlsx.finish(file).await?))
            }
        }
    }

    async fn people(&self, after: &After) -> Result<Vec<Person>, ExportError> {
        match &self.subject {
            None => Ok(self.snapshot.people(after, PEOPLE).await?),
            Some(subject) => Ok(vec![Person {
                email: self.snapshot.email(subject).await?,
                subject: subject.clone(),
                key: After::Start,
            }]),
        }
    }

    async fn rows(&self, person: &Person, titles: &mut Titles) -> Result<Vec<Row>, ExportError> {
        let content = self.snapshot.content();
        let (sets, disabled) = self.snapshot.sets(&person.subject).await?;
        let mut sets: Vec<&PermissionSet> = sets.iter().collect();
        if let Some(set) = content.product_bound.sets.get(person.subject.as_str()) {
            sets.push(set);
        }
        let rows = {
            let none = Values::default();
            let input = DecisionInput {
                policy: &content.policy,
                places: &content.places,
                subject: &person.subject,
                disabled,
                sets: &sets,
                buckets: &[],
                target: Target::Absent,
                request: Request {
                    attributes: &none,
                    context: &none,
                    digest: None,
                },
                audience: Audience::Product,
                now: self.now,
            };
            let mut rows = Vec::new();
            holdings(&input, &mut |holding| rows.push(Row::of(&input, &holding)));
            rows
        };
        let mut named = Vec::with_capacity(rows.len());
        for mut row in rows {
            row.subject = person.subject.to_string();
            row.email = person.email.clone().unwrap_or_default();
            titles.name(&self.snapshot, &mut row).await?;
            named.push(row);
        }
        named.sort_by(|a, b| (&a.permission, &a.on, &a.reason).cmp(&(&b.permission, &b.on, &b.reason)));
        Ok(named)
    }
}
