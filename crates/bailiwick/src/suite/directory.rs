//! The lock on the data directory: what uses the embedded databases shares it, what replaces them holds it
//! alone.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};

/// What stands in the lock file while databases are replaced.
const REPLACING: &[u8] = b"replacing";

/// The directories that this process uses. A lock ends with its process, so that nobody can forget to hold
/// it.
static USED: Mutex<BTreeMap<PathBuf, File>> = Mutex::new(BTreeMap::new());

/// Marks a data directory as used until the process ends.
pub(crate) fn share(directory: &Path) -> Result<()> {
    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    if used.contains_key(directory) {
        return Ok(());
    }
    let mut file = open(directory)?;
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!("the databases in `{}` are being restored", directory.display())
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(|| cannot_lock(directory)),
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content)
        .with_context(|| cannot_lock(directory))?;
    ensure!(
        content.is_empty(),
        "a restore of the databases in `{}` was interrupted: run `bailiwick restore` again",
        directory.display()
    );
    used.insert(directory.to_owned(), file);
    Ok(())
}

/// A data directory that no other process uses.
pub(crate) struct Exclusive(File);

/// Takes a data directory for this process alone.
pub(crate) fn take(directory: &Path) -> Result<Exclusive> {
    let file = open(directory)?;
    match file.try_lock() {
        Ok(()) => Ok(Exclusive(file)),
        Err(TryLockError::WouldBlock) => bail!(
            "another process uses the data directory `{}`: stop it first",
            directory.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| cannot_lock(directory)),
    }
}

impl Exclusive {
    /// Runs what replaces databases. Where it does not come to its end, no server starts on what is there.
    pub(crate) fn replacing(mut self, replace: impl FnOnce() -> Result<()>) -> Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0.write_all(REPLACING)?;
        self.0.sync_all()?;
        replace()?;
        self.0.set_len(0)?;
        self.0.sync_all()?;
        Ok(())
    }
}

fn open(directory: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(directory.join("lock"))
        .with_context(|| cannot_lock(directory))
}

fn cannot_lock(directory: &Path) -> String {
    format!("cannot lock the data directory `{}`", directory.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_use_is_not_taken_and_a_taken_one_not_used() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        share(one.path()).unwrap();
        share(one.path()).unwrap();
        assert!(take(one.path()).is_err());
        let taken = take(other.path()).unwrap();
        assert!(share(other.path()).is_err());
        drop(taken);
        share(other.path()).unwrap();
    }

    #[test]
    fn a_directory_whose_restore_was_interrupted_is_not_used_before_one_succeeds() {
        let directory = tempfile::tempdir().unwrap();
        let taken = take(directory.path()).unwrap();
        assert!(taken.replacing(|| bail!("interrupted")).is_err());
        assert!(share(directory.path()).is_err());
        take(directory.path()).unwrap().replacing(|| Ok(())).unwrap();
        share(directory.path()).unwrap();
    }
}
