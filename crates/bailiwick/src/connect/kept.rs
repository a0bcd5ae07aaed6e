//! Files that commands keep for those that come after them, readable by their owner alone.

use std::{
    fs::{DirBuilder, File, Permissions},
    io::Write,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

/// A file, held for this process alone: what one command writes another must not lose.
pub(super) struct Kept<T> {
    path: PathBuf,
    /// What is in it.
    pub(super) value: T,
    _lock: File,
}

impl<T: Serialize + DeserializeOwned + Default> Kept<T> {
    /// Waits until no other process has the file.
    pub(super) fn take(name: &str) -> Result<Self> {
        let path = path(name)?;
        let folder = folder(&path);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make the directory `{}`", folder.display()))?;
        let lock = path.with_extension("lock");
        let file = File::create(&lock).with_context(|| format!("cannot create `{}`", lock.display()))?;
        file.lock()
            .with_context(|| format!("cannot lock `{}`", lock.display()))?;
        Ok(Self {
            value: read(name)?,
            path,
            _lock: file,
        })
    }
    /// Writes the file.
    pub(super) fn write(&self) -> Result<()> {
        let folder = folder(&self.path);
        // Made with mode 0600, and complete before it has its name.
        let mut file = NamedTempFile::new_in(folder)
            .with_context(|| format!("cannot create a file in `{}`", folder.display()))?;
        let wrong = || format!("cannot write `{}`", self.path.display());
        file.write_all(&serde_json::to_vec_pretty(&self.value)?)
            .and_then(|()| file.as_file().set_permissions(Permissions::from_mode(0o600)))
            .and_then(|()| file.as_file().sync_all())
            .with_context(wrong)?;
        file.persist(&self.path).with_context(wrong)?;
        Ok(())
    }
}

/// Reads a file without holding it.
pub(super) fn read<T: DeserializeOwned + Default>(name: &str) -> Result<T> {
    let path = path(name)?;
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    let mode = std::fs::metadata(&path)
        .with_context(|| format!("cannot read `{}`", path.display()))?
        .permissions()
        .mode();
    ensure!(
        mode.trailing_zeros() >= 6,
        "`{}` can be read by others: `chmod 600` it first",
        path.display()
    );
    serde_json::from_slice(&text)
        .with_context(|| format!("`{}` was not written by `bailiwick`", path.display()))
}

/// Where a file is.
pub(super) fn path(name: &str) -> Result<PathBuf> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    let folder = variable("BAILIWICK_CONFIG_DIR")
        .or_else(|| variable("XDG_CONFIG_HOME").map(|folder| folder.join("bailiwick")))
        .or_else(|| variable("HOME").map(|home| home.join(".config/bailiwick")));
    let folder =
        folder.with_context(|| format!("`BAILIWICK_CONFIG_DIR` or `HOME` is required, for `{name}`"))?;
    Ok(folder.join(name))
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or_else(|| Path::new("."))
}
