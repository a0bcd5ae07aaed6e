//! Writes mails into a directory, a file each that only the owner reads: the default without an SMTP server.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use bailiwick_identity_core::mail::{Letter, Mailer, SendError};
use bailiwick_types::Email;

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
    async fn erase(&self, to: &Email) -> Result<(), SendError> {
        let (directory, to) = (self.path.clone(), to.clone());
        let erased = tokio::task::spawn_blocking(move || erase(&directory, &to)).await;
        let failed = |error: String| {
            tracing::warn!(directory = %self.path.display(), error, "cannot erase mails");
            SendError::Temporary("cannot erase mails".to_owned())
        };
        erased
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))
    }
}

/// Removes the mails to an address, which their header names.
fn erase(directory: &Path, to: &Email) -> std::io::Result<()> {
    let files = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        files => files?,
    };
    for file in files {
        let path = file?.path();
        let is_letter = path.extension().is_some_and(|of| of == "eml" || of == "part");
        if is_letter && is_to(&std::fs::read(&path)?, to) {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
    }
    Ok(())
}

/// Whether the header of a message names the address as a recipient.
fn is_to(message: &[u8], to: &Email) -> bool {
    let text = String::from_utf8_lossy(message);
    let header = text.split("\r\n\r\n").next().unwrap_or_default();
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    let line = unfolded.lines().find_map(|line| line.strip_prefix("To: "));
    let written = line.map(|line| line.rsplit_once('<').map_or(line, |(_, address)| address));
    let address = written.and_then(|text| text.trim_end_matches('>').trim().parse::<Email>().ok());
    address.is_some_and(|address| address.key() == to.key())
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
    async fn the_mails_to_an_address_are_erased_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let directory = Directory::new(path.clone(), writer(""));
        directory
            .erase(&"ada@example.com".parse().unwrap())
            .await
            .unwrap();
        let mut letters = Vec::new();
        for (n, to) in ["Ada@example.com", "ben@example.com", "ada@example.com.net"]
            .iter()
            .enumerate()
        {
            let letter = Letter {
                id: uuid::Uuid::from_u128(n as u128 + 1),
                to: to.parse().unwrap(),
                ..letter(
                    Kind::Activation,
                    "Ada <ben@example.com> of a name that is long enough to be folded",
                )
            };
            directory.send(&letter).await.unwrap();
            letters.push(letter);
        }
        directory
            .erase(&"ADA@example.com".parse().unwrap())
            .await
            .unwrap();
        let left: Vec<String> = std::fs::read_dir(&path)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left.len(), 2, "{left:?}");
        let erased = letters[0].id.to_string();
        assert!(left.iter().all(|name| !name.contains(&erased)), "{left:?}");
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
