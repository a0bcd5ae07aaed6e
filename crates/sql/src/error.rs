//! What can go wrong between a store and its database.

use std::{borrow::Cow, fmt, io::ErrorKind as Io, sync::Arc, time::Duration};

use bailiwick_types::{Chain, Code, Fault, Reason, ScopeRoot, StoreError};
use sea_orm::{DbErr, RuntimeErr};
use sqlx::error::{DatabaseError, ErrorKind};

use crate::{address::Place, feed::CursorRefused, migrate::SchemaError};

/// Why a statement, a transaction or a feed read failed.
///
/// What callers may see is in `Display`; what the database said is in `source` and `Debug`, for
/// the log alone.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database is unavailable, or not in time.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),
    /// The connection broke while the commit was on its way: it may have happened or not.
    #[error("the outcome of the commit is unknown")]
    OutcomeUnknown(#[source] Cause),
    /// A concurrent transaction won (deadlock, serialization, lock timeout, a moved cursor).
    #[error("conflict with a concurrent change; retry")]
    Conflict(#[source] Cause),
    /// A constraint of the schema refused the change.
    #[error("a database constraint rejected the change")]
    Constraint(Constraint),
    /// A feed cursor that cannot be read on from.
    #[error(transparent)]
    Cursor(#[from] CursorRefused),
    /// The schema is not one that this program works with.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A write to a root whose revision row the transaction does not hold.
    #[error("the transaction does not hold the revision row of `{0}`")]
    RootNotHeld(ScopeRoot),
    /// Stored data that no code of ours can have written.
    #[error("stored data is inconsistent")]
    Corrupt(#[source] Inconsistent),
    /// A setting of the database or of its connection that must not be.
    #[error("unsupported database configuration: {0}")]
    Refused(Cow<'static, str>),
    /// Everything else: a fault of ours.
    #[error("a database statement failed")]
    Internal(#[source] Cause),
}

/// What the database or its driver said: for logs, never for callers.
#[derive(Clone)]
pub struct Cause(Arc<dyn std::error::Error + Send + Sync>);

impl Cause {
    /// Wraps an error.
    pub fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
    /// A cause in words of our own.
    #[must_use]
    pub fn text(text: &'static str) -> Self {
        Self::said(text.to_owned())
    }
    /// What the database said, in one text.
    pub(crate) fn said(text: String) -> Self {
        Self(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(text)))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// A value that no code of ours can have written, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("table `{table}`, column `{column}`, row `{row}`: {problem}")]
pub struct Inconsistent {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The key of the row.
    pub row: String,
    /// What is wrong with the value; never the value.
    pub problem: String,
}

/// A constraint that refused a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its kind.
    pub kind: ConstraintKind,
    /// Its name, where the engine tells it (PostgreSQL).
    pub name: Option<String>,
    /// `table.column` of its columns, where the engine tells them (SQLite).
    pub columns: Vec<String>,
}

/// The kinds of constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// A key that is there already.
    Unique,
    /// A reference to what is not there, or from what is.
    ForeignKey,
    /// A missing value.
    NotNull,
    /// A value that a check forbids.
    Check,
}

/// A unique key that a store wants to recognise when it is violated: PostgreSQL tells its name,
/// SQLite its columns.
///
/// ```
/// use bailiwick_sql::UniqueKey;
/// const EMAIL: UniqueKey = UniqueKey { name: "ux_user__email", table: "user", columns: &["email"] };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueKey {
    /// Name of the unique index or primary key constraint.
    pub name: &'static str,
    /// Its table.
    pub table: &'static str,
    /// Its columns, in order.
    pub columns: &'static [&'static str],
}

impl Error {
    /// Whether the same transaction may pass when it is run again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Unavailable(_))
    }
    /// Whether the change failed because this key is there already.
    #[must_use]
    pub fn violates(&self, key: &UniqueKey) -> bool {
        let Self::Constraint(broken) = self else {
            return false;
        };
        let same_columns = || {
            broken.columns.len() == key.columns.len()
                && broken
                    .columns
                    .iter()
                    .zip(key.columns)
                    .all(|(is, wanted)| is.split_once('.') == Some((key.table, *wanted)))
        };
        broken.kind == ConstraintKind::Unique
            && broken
                .name
                .as_deref()
                .map_or_else(same_columns, |name| name == key.name)
    }
    /// An error for stored data that no code of ours can have written.
    #[must_use]
    pub fn corrupt(
        table: &'static str,
        column: &'static str,
        row: impl fmt::Display,
        problem: impl fmt::Display,
    ) -> Self {
        Self::Corrupt(Inconsistent {
            table,
            column,
            row: row.to_string(),
            problem: problem.to_string(),
        })
    }
    /// What is logged of it: the whole chain.
    #[must_use]
    pub fn detail(&self) -> String {
        Chain(self).to_string()
    }
    /// What failed, in a word: the label of a metric.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Unavailable(_) | Self::OutcomeUnknown(_) => "unavailable",
            Self::Conflict(_) => "conflict",
            Self::Refused(_) | Self::Schema(_) => "configuration",
            Self::Cursor(_) => "cursor",
            Self::Constraint(_) | Self::RootNotHeld(_) | Self::Corrupt(_) | Self::Internal(_) => "error",
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(_) => {
                Self::Unavailable(Cause::said(problem(&sqlx::Error::PoolTimedOut)))
            }
            DbErr::Conn(RuntimeErr::SqlxError(sqlx))
            | DbErr::Exec(RuntimeErr::SqlxError(sqlx))
            | DbErr::Query(RuntimeErr::SqlxError(sqlx)) => classify(sqlx),
            // Written by `named`.
            DbErr::Conn(RuntimeErr::Internal(text)) => Self::Unavailable(Cause::said(text)),
            other => Self::Internal(Cause::new(other)),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        classify(Arc::new(error))
    }
}

/// An error of getting a connection.
pub(crate) fn of_connection(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// Says which database could not be reached, where that is the error.
pub(crate) fn named(place: &Place, error: DbErr) -> DbErr {
    let text = match &error {
        DbErr::ConnectionAcquire(_) => problem(&sqlx::Error::PoolTimedOut),
        DbErr::Conn(RuntimeErr::SqlxError(sqlx))
        | DbErr::Exec(RuntimeErr::SqlxError(sqlx))
        | DbErr::Query(RuntimeErr::SqlxError(sqlx))
            if is_unreachable(sqlx) =>
        {
            problem(sqlx)
        }
        _ => return error,
    };
    DbErr::Conn(RuntimeErr::Internal(format!("{place}: {text}")))
}

/// An error of a connection, with the name of what could not be reached.
pub(crate) fn unreachable(place: &Place, error: sqlx::Error) -> Error {
    if is_unreachable(&error) || matches!(error, sqlx::Error::Database(_)) {
        Error::Unavailable(Cause::said(format!("{place}: {}", problem(&error))))
    } else {
        error.into()
    }
}

fn is_unreachable(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    )
}

/// What is wrong with a connection, so that the cases can be told apart. It names neither host nor database:
/// they are said once, in front of it.
pub(crate) fn problem(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => match error.kind() {
            Io::ConnectionRefused => "connection refused: no server listens there".to_owned(),
            Io::NotFound => "no such file or folder".to_owned(),
            Io::PermissionDenied => "permission denied".to_owned(),
            // What rustls says comes as an I/O error.
            Io::InvalidData => format!("TLS failed: {error}"),
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof => {
                format!("connection lost: {error}")
            }
            _ => format!("not reachable: {error}"),
        },
        sqlx::Error::Tls(error) => format!("TLS failed: {error}"),
        sqlx::Error::PoolTimedOut => {
            "no connection in time: the server does not answer, or all connections are in use".to_owned()
        }
        sqlx::Error::PoolClosed => "the process is stopping".to_owned(),
        sqlx::Error::Protocol(text) => format!("unexpected answer: {text}"),
        sqlx::Error::Database(said) => words(&**said),
        other => other.to_string(),
    }
}

/// What a database said, without what its driver adds.
fn words(said: &dyn DatabaseError) -> String {
    let (code, message) = (said.code().unwrap_or_default(), said.message());
    match &*code {
        "3D000" => "the database does not exist".to_owned(),
        // The message would name host and database again.
        "28000" if message.starts_with("no pg_hba.conf entry") => {
            let encrypted = message.rsplit(", ").next().unwrap_or_default();
            format!("pg_hba.conf of the server admits no such connection ({encrypted})")
        }
        "08P01" if message.contains("startup parameter") => {
            format!("{message}: this is a pooler, which needs `pooler = true`")
        }
        _ => format!("{message} (code {code})"),
    }
}

fn classify(error: Arc<sqlx::Error>) -> Error {
    if is_unreachable(&error) {
        return Error::Unavailable(Cause::said(problem(&error)));
    }
    let sqlx::Error::Database(said) = &*error else {
        return Error::Internal(Cause(error));
    };
    if let Some(kind) = constraint_kind(said.kind()) {
        return Error::Constraint(Constraint {
            kind,
            name: said.constraint().map(str::to_owned),
            columns: columns_in(said.message()),
        });
    }
    let (code, cause) = (said.code().unwrap_or_default(), Cause::said(words(&**said)));
    if said.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        of_sqlite(&code, cause)
    } else {
        of_postgres(&code, cause)
    }
}

fn constraint_kind(kind: ErrorKind) -> Option<ConstraintKind> {
    match kind {
        ErrorKind::UniqueViolation | ErrorKind::ExclusionViolation => Some(ConstraintKind::Unique),
        ErrorKind::ForeignKeyViolation => Some(ConstraintKind::ForeignKey),
        ErrorKind::NotNullViolation => Some(ConstraintKind::NotNull),
        ErrorKind::CheckViolation => Some(ConstraintKind::Check),
        _ => None,
    }
}

/// SQLite says `UNIQUE constraint failed: table.column, table.column`; PostgreSQL's message has no such list.
fn columns_in(message: &str) -> Vec<String> {
    match message.split_once("constraint failed: ") {
        Some((_, list)) => list.split(", ").map(str::to_owned).collect(),
        None => Vec::new(),
    }
}

/// SQLSTATEs: <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
fn of_postgres(state: &str, cause: Cause) -> Error {
    match state {
        "40001" | "40P01" | "55P03" => Error::Conflict(cause),
        // Cancelled (statement timeout), shutting down, starting up, read only (a demoted primary),
        // idle too long.
        "57014" | "57P01" | "57P02" | "57P03" | "25006" | "25P03" => Error::Unavailable(cause),
        _ if state.starts_with("08") || state.starts_with("53") => Error::Unavailable(cause),
        _ => Error::Internal(cause),
    }
}

/// Result codes: <https://www.sqlite.org/rescode.html>; the low byte is the primary one.
fn of_sqlite(code: &str, cause: Cause) -> Error {
    match code.parse::<u32>().unwrap_or(0) & 0xff {
        5 | 6 => Error::Conflict(cause),
        // Interrupted, I/O error, disk full, cannot open.
        9 | 10 | 13 | 14 => Error::Unavailable(cause),
        _ => Error::Internal(cause),
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let cause = Arc::new(error);
        match &*cause {
            Error::Unavailable(_) | Error::OutcomeUnknown(_) => Self::Unavailable(cause),
            Error::Conflict(_) => Self::Conflict(cause),
            _ => Self::Internal(cause),
        }
    }
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) | Self::OutcomeUnknown(_) => Code::Unavailable,
            Self::Conflict(_) => Code::Aborted,
            Self::Cursor(_) => Code::FailedPrecondition,
            _ => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Unavailable(_) | Self::OutcomeUnknown(_) => Reason::DependencyUnavailable,
            Self::Conflict(_) => Reason::Conflict,
            Self::Cursor(_) => Reason::CursorRefused,
            _ => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(_) => Some(Duration::from_millis(500)),
            Self::Conflict(_) => Some(Duration::from_millis(20)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: UniqueKey = UniqueKey {
        name: "ux_invitation__account__email",
        table: "invitation",
        columns: &["account", "email"],
    };

    fn unique(name: Option<&str>, columns: &[&str]) -> Error {
        Error::Constraint(Constraint {
            kind: ConstraintKind::Unique,
            name: name.map(str::to_owned),
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        })
    }

    #[test]
    fn a_unique_key_is_known_by_its_name_or_by_its_columns() {
        assert!(unique(Some("ux_invitation__account__email"), &[]).violates(&KEY));
        assert!(!unique(Some("ux_other"), &[]).violates(&KEY));
        let columns = columns_in("UNIQUE constraint failed: invitation.account, invitation.email");
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        assert!(unique(None, &columns).violates(&KEY));
        assert!(!unique(None, &columns[..1]).violates(&KEY));
        assert!(!unique(None, &["other.account", "other.email"]).violates(&KEY));
    }

    #[test]
    fn what_the_database_said_is_not_what_a_caller_sees() {
        let error = Error::from(sqlx::Error::Protocol("secret detail".into()));
        assert_eq!(error.to_string(), "the database is unavailable");
        assert!(error.detail().contains("secret detail"));
        assert_eq!(error.code(), Code::Unavailable);
    }

    #[test]
    fn deadlocks_and_lock_timeouts_can_be_tried_again() {
        for state in ["40001", "40P01", "55P03"] {
            assert!(matches!(of_postgres(state, Cause::text("x")), Error::Conflict(_)));
        }
        assert!(matches!(
            of_postgres("53300", Cause::text("x")),
            Error::Unavailable(_)
        ));
        assert!(matches!(
            of_postgres("42601", Cause::text("x")),
            Error::Internal(_)
        ));
        assert!(matches!(of_sqlite("517", Cause::text("x")), Error::Conflict(_)));
    }
}
