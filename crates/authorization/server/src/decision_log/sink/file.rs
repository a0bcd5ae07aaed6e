//! A file that is only added to, and opened anew when it was moved away.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::decision_log::DecisionLogError;

/// The file.
#[derive(Clone)]
pub(in crate::decision_log) struct LogFile {
    path: PathBuf,
    open: Arc<Mutex<Open>>,
}

struct Open {
    file: File,
    /// Whether the last write may have ended within a line.
    torn: bool,
}

impl LogFile {
    pub(in crate::decision_log) fn open(path: PathBuf) -> Result<Self, DecisionLogError> {
        match append_to(&path) {
            Ok(file) => Ok(Self {
                path,
                open: Arc::new(Mutex::new(Open { file, torn: false })),
            }),
            Err(why) => Err(DecisionLogError::File {
                path: path.display().to_string(),
                why,
            }),
        }
    }

    /// Adds lines at the end.
    pub(super) fn append(&self, lines: &[u8]) -> std::io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.was_moved(&open.file)? {
            *open = Open {
                file: append_to(&self.path)?,
                torn: false,
            };
        }
        if open.torn {
            open.file.write_all(b"\n")?;
        }
        open.torn = true;
        open.file.write_all(lines)?;
        open.torn = false;
        Ok(())
    }

    /// Whether the path leads elsewhere by now: log rotation renames the file and needs to tell nobody.
    fn was_moved(&self, open: &File) -> std::io::Result<bool> {
        let own = open.metadata()?;
        Ok(match std::fs::metadata(&self.path) {
            Ok(now) => (now.dev(), now.ino()) != (own.dev(), own.ino()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        })
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}
