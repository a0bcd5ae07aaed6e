//! Writes mails into a directory, a file each that only the owner reads: the default without an SMTP server.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use bailiwick_identity_core::mail::{Letter, Mailer, SendError};

use super::message::Writer;

/// The mailer.
pub(super) struct Directory {
    path: PathBuf,
    writer: Writer,
}

impl Directory {
    pub(super) fn new(path: PathBuf, writer: Writer) -> Self {
        Self { path, writer }
    }
}

#[async_trait]
impl Mailer for Directory {
    async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let message = self.writer.write(letter);
        let message = message.map_err(|error| SendError::Permanent(error.to_string()))?;
        let (directory, bytes) = (self.path.clone(), message.formatted());
        let name = format!(
            "{}-{}-{}.eml",
            letter.created.seconds(),
            letter.kind.as_str(),
            letter.id
        );
        let file = self.path.join(&name);
        let written = tokio::task::spawn_blocking(move || write(&directory, &name, &bytes)).await;
        let failed = |error: String| {
            let file = file.display();
            SendError::Temporary(format!("cannot write `{file}`: {error}"))
        };
        written
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        // The file, and nothing of what is in it: a log has more readers.
        tracing::info!(file = %file.display(), kind = letter.kind.as_str(), "mail written");
        Ok(())
    }
}

/// Writes a file as a whole, or not at all.
fn write(directory: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let part = directory.join(format!(".{name}.part"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(part, directory.join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use bailiwick_identity_core::mail::Kind;

    use super::*;
    use crate::mail::message::tests::{letter, writer};

    #[tokio::test]
    async fn a_mail_is_one_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail");
        let directory = Directory::new(path.clone(), writer(""));
        let letter = letter(Kind::Activation, "Ada");
        directory.send(&letter).await.unwrap();
        // A second time after a crash is the same file.
        directory.send(&letter).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(&path).unwrap().map(Result::unwrap).collect();
        let [file] = &*files else { panic!("{files:?}") };
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let name = file.file_name().into_string().unwrap();
        let expected = "1767603600-activation-00000000-0000-0000-0000-000000000007.eml";
        assert_eq!(name, expected);
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("bwm_secret-of-the-mail"), "{text}");
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_written_is_tried_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let directory = Directory::new(file.path().join("mail"), writer(""));
        let failed = directory
            .send(&letter(Kind::Activation, "Ada"))
            .await
            .unwrap_err();
        assert!(matches!(&failed, SendError::Temporary(_)), "{failed:?}");
        assert!(!failed.to_string().contains("bwm_"), "{failed}");
    }
}
