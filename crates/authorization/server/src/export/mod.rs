//! Exports of effective permissions: a file of rows, all of one snapshot, complete or failed.

mod csv;
mod row;
mod xlsx;

use std::{sync::Arc, time::Duration};

use bailiwick_authorization_engine::SourceError;
use bailiwick_policy::{Audience, DecisionInput, PermissionSet, Request, Target, Values, holdings};
use bailiwick_proto::authorization::v1::ExportPermissionsResponse as Part;
use bailiwick_rpc::status;
use bailiwick_sql::{Db, Error};
use bailiwick_types::{AccountAccess, Clock, Code, Fault, Reason, Subject, Timestamp};
use tokio::sync::mpsc;
use tonic::Status;

use crate::lists::{After, Person};
use crate::store::engine::{snapshot::AccountSnapshot, source_error};
use csv::Csv;
use row::Titles;
pub(crate) use row::{HEADER, Row};
use xlsx::Xlsx;

/// People that are looked up at a time.
const PEOPLE: usize = 100;
/// The greatest number of bytes in a part.
const PART: usize = 128 * 1024;
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
}

impl From<bailiwick_sql::Error> for ExportError {
    fn from(error: bailiwick_sql::Error) -> Self {
        Self::Source(source_error(error))
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
            Self::Unread => Code::DeadlineExceeded,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Source(error) => error.reason(),
            Self::File(_) => Reason::Internal,
            Self::Unread => Reason::DeadlineExceeded,
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
enum File {
    Csv(Box<Csv>),
    Xlsx(Box<Xlsx>),
}

/// Begins exports.
#[derive(Clone)]
pub(crate) struct Exporter {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Exporter {
    /// Opens a snapshot of an account; nothing where the account does not exist. `subject` limits the export
    /// to what that subject has.
    pub(crate) async fn begin(
        &self,
        account: AccountAccess,
        format: Format,
        subject: Option<Subject>,
    ) -> Result<Option<Export>, Error> {
        let snapshot = AccountSnapshot::open(self.db.clone(), account).await?;
        Ok(snapshot.map(|snapshot| Export {
            snapshot,
            format,
            subject,
            now: self.clock.now(),
        }))
    }
}

/// An export on its way.
pub(crate) struct Export {
    snapshot: AccountSnapshot,
    format: Format,
    subject: Option<Subject>,
    now: Timestamp,
}

/// Where parts go, and how far the export is.
struct Out {
    parts: mpsc::Sender<Result<Part, Status>>,
    done: u32,
    total: u32,
    revision: u64,
    rows: u64,
}

impl Out {
    async fn part(&self, content: Vec<u8>, last: bool) -> Result<(), ExportError> {
        let part = Part {
            content,
            subjects_done: self.done,
            subjects_total: self.total,
            last,
            revision: self.revision,
            rows_done: self.rows,
        };
        let sent = self.parts.send_timeout(Ok(part), PATIENCE).await;
        sent.map_err(|_| ExportError::Unread)
    }

    async fn content(&self, content: &[u8]) -> Result<(), ExportError> {
        for chunk in content.chunks(PART) {
            self.part(chunk.to_vec(), false).await?;
        }
        Ok(())
    }
}

impl Export {
    /// Writes the file to `parts`; an error is its last part. Dropping the receiver ends it.
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
        let total = match &self.subject {
            Some(_) => 1,
            None => self.snapshot.count().await?,
        };
        let mut out = Out {
            parts,
            done: 0,
            total: u32::try_from(total).unwrap_or(u32::MAX),
            revision: self.snapshot.revision(),
            rows: 0,
        };
        let mut file = match self.format {
            Format::Csv => File::Csv(Box::default()),
            Format::Xlsx => File::Xlsx(Box::new(Xlsx::new()?)),
        };
        if let File::Csv(csv) = &mut file {
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
                    match &mut file {
                        File::Csv(csv) => csv.row(&row.cells())?,
                        File::Xlsx(xlsx) => xlsx.row(&row.cells())?,
                    }
                }
                out.done = out.done.saturating_add(1);
            }
            match &mut file {
                File::Csv(csv) => out.content(&csv.take()?).await?,
                // The file is made as a whole; what is told meanwhile is how far it is.
                File::Xlsx(_) => out.part(Vec::new(), false).await?,
            }
            if self.subject.is_some() {
                break;
            }
        }
        match file {
            File::Csv(mut csv) => out.content(&csv.take()?).await?,
            File::Xlsx(xlsx) => {
                let mut made = xlsx.finish().await?;
                while let Some(chunk) = made.next(PART)? {
                    out.part(chunk, false).await?;
                }
            }
        }
        out.part(Vec::new(), true).await
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
