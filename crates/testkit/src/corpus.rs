//! The corpora of the fuzz targets: what they start from, and what they have found.

use std::{fs, path::PathBuf};

/// The folder of a target's corpus, `fuzz/corpus/TARGET`.
fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target)
}

/// Feeds every file of a corpus to its probe.
///
/// # Panics
/// The corpus cannot be read or is empty.
#[track_caller]
#[expect(clippy::panic, reason = "a test without its corpus has failed")]
pub fn replay(target: &str, probe: fn(&[u8])) {
    let read = || -> std::io::Result<Vec<Vec<u8>>> {
        let files = fs::read_dir(corpus(target))?;
        files.map(|file| fs::read(file?.path())).collect()
    };
    match read() {
        Ok(files) => {
            assert!(!files.is_empty(), "the corpus of `{target}` is empty");
            files.iter().for_each(|file| probe(file));
        }
        Err(error) => panic!("the corpus of `{target}` cannot be read: {error}"),
    }
}

/// Feeds what a target starts from to its probe, and writes it to the corpus with `UPDATE_GOLDEN=1` in the
/// environment. What an earlier version wrote stays there: it must be read, or refused, for ever.
///
/// # Panics
/// The corpus does not have the file.
#[track_caller]
pub fn seed(target: &str, name: &str, bytes: &[u8], probe: fn(&[u8])) {
    let path = corpus(target).join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
        let written = fs::write(&path, bytes);
        assert!(
            written.is_ok(),
            "`{}` cannot be written: {written:?}",
            path.display()
        );
    }
    assert!(
        path.exists(),
        "`{}` is missing: UPDATE_GOLDEN=1 writes it",
        path.display()
    );
    probe(bytes);
}
