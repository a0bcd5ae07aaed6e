//! Where exports are written before they are read, and how many there are at once.

use std::{
    collections::HashSet,
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bailiwick_rpc::HumanDuration;
use bailiwick_types::{AccountId, Code, Fault, Reason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ExportError;

/// Exports that read the database at once; others wait. Each holds a transaction and its connection, which
/// decisions and writes need too.
const READING: usize = 2;
/// When to try again. It is no promise: an export ends when its reader has it.
const AGAIN: Duration = Duration::from_secs(5);

/// Exports: where they are kept until they are read, and their limits.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExportConfig {
    /// Directory for files that are being made; each is gone when its reader has it. Default: the data
    /// directory where one is set, otherwise that of the system for temporary files.
    pub directory: Option<PathBuf>,
    /// The greatest number of exports at once, read or not; of one account there is one. More are refused
    /// with `RESOURCE_EXHAUSTED`.
    pub at_once: usize,
    /// How long an export may take, reading it included.
    pub time_limit: HumanDuration,
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self {
            directory: None,
            at_once: 16,
            time_limit: Duration::from_mins(10).into(),
        }
    }
}

/// The place of exports in this process.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    directory: PathBuf,
    time_limit: Duration,
    at_once: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    accounts: Arc<Mutex<HashSet<AccountId>>>,
}

/// The place of one export; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
    account: AccountId,
    accounts: Arc<Mutex<HashSet<AccountId>>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.remove(&self.account);
    }
}

/// Why there is no place for an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Busy {
    #[error("another export of this account is not finished; read it to its end or cancel it")]
    Account,
    #[error("too many exports at once; the limit is `authorization.exports.at_once`")]
    Process,
}

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

impl Spool {
    pub(crate) fn new(config: &ExportConfig) -> Self {
        let spool = Self {
            directory: config.directory.clone().unwrap_or_else(std::env::temp_dir),
            time_limit: config.time_limit.get(),
            at_once: Arc::new(Semaphore::new(config.at_once)),
            reading: Arc::new(Semaphore::new(READING)),
            accounts: Arc::default(),
        };
        if let Err(error) = spool.file() {
            tracing::warn!(error = %error, "exports will fail");
        }
        spool
    }
    /// A place for an export of an account.
    pub(crate) fn enter(&self, account: AccountId) -> Result<Slot, Busy> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.contains(&account) {
            return Err(Busy::Account);
        }
        let permit = Arc::clone(&self.at_once).try_acquire_owned();
        let permit = permit.map_err(|_| Busy::Process)?;
        accounts.insert(account);
        Ok(Slot {
            _permit: permit,
            account,
            accounts: Arc::clone(&self.accounts),
        })
    }
    /// Waits until the database may be read.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, ExportError> {
        let turn = Arc::clone(&self.reading).acquire_owned();
        let turn = tokio::time::timeout(self.time_limit, turn).await;
        turn.map_err(|_| ExportError::Late(self.time_limit))?
            .map_err(|error| ExportError::File(error.to_string()))
    }
    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }
    pub(crate) fn directory(&self) -> &PathBuf {
        &self.directory
    }
    /// A file without a name: it is gone when it is closed, also by a crash.
    pub(crate) fn file(&self) -> Result<File, ExportError> {
        tempfile::tempfile_in(&self.directory).map_err(|error| {
            // The name of a file that does not exist says nothing.
            let kind = error.kind();
            ExportError::File(format!(
                "cannot write to `{}`: {kind}; `authorization.exports.directory` is where exports are kept",
                self.directory.display()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(n: u128) -> AccountId {
        AccountId::from_uuid(Uuid::from_u128(n))
    }
    fn spool(directory: &str, at_once: usize) -> Spool {
        Spool::new(&ExportConfig {
            directory: Some(directory.into()),
            at_once,
            ..ExportConfig::default()
        })
    }

    #[test]
    fn an_account_has_one_export_at_a_time_and_the_process_as_many_as_configured() {
        let spool = spool("/tmp", 2);
        let first = spool.enter(account(1)).unwrap();
        assert_eq!(spool.enter(account(1)).unwrap_err(), Busy::Account);
        let second = spool.enter(account(2)).unwrap();
        assert_eq!(spool.enter(account(3)).unwrap_err(), Busy::Process);
        assert_eq!(Busy::Process.code(), Code::ResourceExhausted);
        assert!(Busy::Account.retry_after().is_some());
        drop(first);
        let third = spool.enter(account(1)).unwrap();
        drop((second, third));
        // One that was refused has taken no place.
        assert_eq!(spool.at_once.available_permits(), 2);
    }

    #[test]
    fn a_directory_that_is_not_writable_is_named_with_its_setting() {
        let error = spool("/nowhere/at/all", 1).file().unwrap_err().to_string();
        assert!(
            error.contains("`/nowhere/at/all`") && error.contains("authorization.exports.directory"),
            "{error}"
        );
    }
}
