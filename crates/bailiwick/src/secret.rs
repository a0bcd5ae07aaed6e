//! Secrets read from files, and written to new ones.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use secrecy::{ExposeSecret, SecretString};

/// The first line of a file.
pub(crate) fn first_line(path: &Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let line = text.lines().next().unwrap_or_default();
    ensure!(
        !line.is_empty(),
        "the first line of `{}` is empty",
        path.display()
    );
    Ok(line.to_owned().into())
}

/// A file for a secret that is not known yet. It is created before the secret is, so that no secret is made
/// that cannot be kept, and removed again where none comes.
pub(crate) struct NewFile {
    path: PathBuf,
    file: Option<File>,
}

impl NewFile {
    /// Creates the file with mode 0600; it must not exist.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot create `{}`", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
        })
    }
    /// Writes the secret as the first line. A file that cannot be written stays: it may hold the secret.
    pub(crate) fn write(mut self, secret: &SecretString) -> Result<()> {
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        writeln!(file, "{}", secret.expose_secret())
            .and_then(|()| file.sync_all())
            .with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // It is empty: a failure leaves nothing behind but that.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_written_to_a_new_file_of_its_owner_and_an_unused_one_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        drop(NewFile::create(&path).unwrap());
        assert!(!path.exists());
        NewFile::create(&path)
            .unwrap()
            .write(&"bwk_secret".into())
            .unwrap();
        assert_eq!(first_line(&path).unwrap().expose_secret(), "bwk_secret");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(NewFile::create(&path).is_err(), "it exists");
        assert_eq!(first_line(&path).unwrap().expose_secret(), "bwk_secret");
    }
}
