//! Notes in the audit log that somebody takes the permissions of an account away in a file.

use bailiwick_types::{AccountId, Authorized, Subject, Token};

use crate::Ports;
use crate::Work;

const ACTION: &str = "bailiwick.authorization.v1.ExportService/ExportPermissions";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The format of the file.
    pub format: &'static str,
    /// Only what this subject has, where given.
    pub subject: Option<Subject>,
}

bailiwick_types::faults! {
    /// Why nothing is exported.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The account is not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
}

/// Notes it. The guard has asked `export.create`.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let mut work = work.ok_or(Error::NotFound("account"))?;
    let whose = command
        .subject
        .map_or_else(|| "all".to_owned(), |subject| subject.to_string());
    let audit = work
        .audit(ACTION, format!("account:{}", command.account))
        .with("format", command.format)
        .with("subject", whose);
    work.emit(audit);
    Ok(work.commit().await?)
}
