//! Leaked passwords, as an offline file in the range format of Have I Been Pwned.
//!
//! Either a directory of ranges, a file for each five digits of SHA-1 (`0123A` or `0123A.txt`) with lines
//! `SUFFIX:COUNT`, or one file with sorted lines `SHA1:COUNT`. Nothing is loaded: a line is looked up where
//! it stands.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bailiwick_identity_core::password::{Blocklist, BlocklistError};
use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest as _, Sha1};

/// Digits of SHA-1 in hexadecimal, and those that name a range.
const DIGITS: usize = 40;
const PREFIX: usize = 5;
/// How many lines of a file are looked at when it is opened.
const SAMPLES: u64 = 64;

/// The file or the directory.
#[derive(Debug, Clone)]
pub(crate) struct Leaked {
    path: Arc<PathBuf>,
}

impl Leaked {
    /// Opens the list: nothing that cannot be read, or has another format, is taken.
    pub(crate) fn open(path: &Path) -> Result<Self, BlocklistError> {
        let list = Self {
            path: Arc::new(path.to_owned()),
        };
        if path.is_dir() {
            // The range of `password`: every directory that is complete has it.
            list.has("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8")?;
        } else {
            list.check_order()?;
        }
        Ok(list)
    }

    /// Looks at some lines of a file. One that is sorted by count would let every password pass.
    fn check_order(&self) -> Result<(), BlocklistError> {
        let failed = |error: std::io::Error| BlocklistError(format!("`{}`: {error}", self.path.display()));
        let mut file = BufReader::new(File::open(&*self.path).map_err(failed)?);
        let length = file.get_ref().metadata().map_err(failed)?.len();
        let mut before = String::new();
        for n in 0..SAMPLES {
            let Some(line) = line_after(&mut file, length / SAMPLES * n).map_err(failed)? else {
                break;
            };
            is_entry(&line, "", DIGITS, &self.path)?;
            let line = line.to_ascii_uppercase();
            if line < before {
                let path = self.path.display();
                return Err(BlocklistError(format!(
                    "`{path}`: the lines are not sorted by digest"
                )));
            }
            before = line;
        }
        if before.is_empty() {
            return Err(BlocklistError(format!("`{}` is empty", self.path.display())));
        }
        Ok(())
    }

    fn has(&self, digest: &str) -> Result<bool, BlocklistError> {
        let failed = |error: std::io::Error| BlocklistError(format!("`{}`: {error}", self.path.display()));
        if self.path.is_dir() {
            let (prefix, suffix) = digest.split_at(PREFIX);
            let plain = self.path.join(prefix);
            let file = File::open(&plain).or_else(|_| File::open(plain.with_extension("txt")));
            let mut text = String::new();
            file.map_err(failed)?.read_to_string(&mut text).map_err(failed)?;
            return text.lines().try_fold(false, |found, line| {
                Ok(found || is_entry(line, suffix, DIGITS - PREFIX, &self.path)?)
            });
        }
        let line = search(&self.path, digest).map_err(failed)?;
        line.map_or(Ok(false), |line| is_entry(&line, digest, DIGITS, &self.path))
    }
}

/// Whether a line is the entry of a digest. Entries that were counted zero times are padding.
fn is_entry(line: &str, digest: &str, digits: usize, path: &Path) -> Result<bool, BlocklistError> {
    let (key, count) = line.trim().split_once(':').unwrap_or((line.trim(), "1"));
    if key.len() != digits || !key.bytes().all(|c| c.is_ascii_hexdigit()) {
        let path = path.display();
        return Err(BlocklistError(format!(
            "`{path}`: a line is not `DIGEST:COUNT` with {digits} hexadecimal digits"
        )));
    }
    Ok(key.eq_ignore_ascii_case(digest) && count != "0")
}

/// The first line of a sorted file that is not below a digest.
fn search(path: &Path, digest: &str) -> std::io::Result<Option<String>> {
    let mut file = BufReader::new(File::open(path)?);
    let (mut low, mut high) = (0, file.get_ref().metadata()?.len());
    // The line that begins after `low` is the first candidate; every line that begins at or before is below.
    while low < high {
        let middle = low + (high - low) / 2;
        match line_after(&mut file, middle)? {
            Some(line) if line.to_ascii_uppercase().as_str() < digest => low = middle + 1,
            _ => high = middle,
        }
    }
    line_after(&mut file, low)
}

/// The first line that begins at or after a place.
fn line_after(file: &mut BufReader<File>, at: u64) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    match at.checked_sub(1) {
        None => {
            file.seek(SeekFrom::Start(0))?;
        }
        Some(before) => {
            file.seek(SeekFrom::Start(before))?;
            file.read_line(&mut line)?;
            line.clear();
        }
    }
    let read = file.read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}

#[async_trait]
impl Blocklist for Leaked {
    async fn contains(&self, password: &SecretString) -> Result<bool, BlocklistError> {
        let digest = Sha1::digest(password.expose_secret().as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let list = self.clone();
        let found = tokio::task::spawn_blocking(move || list.has(&digest)).await;
        found.map_err(|error| BlocklistError(error.to_string()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> String {
        let digest = Sha1::digest(text.as_bytes());
        digest.iter().map(|byte| format!("{byte:02X}")).collect()
    }
    async fn contains(list: &Leaked, text: &str) -> bool {
        list.contains(&SecretString::from(text)).await.unwrap()
    }

    #[tokio::test]
    async fn a_password_is_found_in_a_sorted_file() {
        let mut lines: Vec<String> = (0..500)
            .map(|n| format!("{}:{n}", digest(&format!("leaked {n}"))))
            .collect();
        lines.push(format!("{}:9", digest("password")));
        lines.sort();
        for end in ["\n", "\r\n"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("pwned.txt");
            std::fs::write(&path, lines.join(end) + end).unwrap();
            let list = Leaked::open(&path).unwrap();
            for n in 1..500 {
                assert!(contains(&list, &format!("leaked {n}")).await, "{n}");
                assert!(!contains(&list, &format!("not leaked {n}")).await, "{n}");
            }
            assert!(!contains(&list, "leaked 0").await, "padding");
        }
    }

    #[tokio::test]
    async fn a_password_is_found_in_its_range() {
        let folder = tempfile::tempdir().unwrap();
        for (text, name) in [
            ("password", "5BAA6"),
            ("leaked last summer", &digest("leaked last summer")[..5]),
        ] {
            let padding = format!("{}:0", "0".repeat(35));
            let line = format!("{}:3\r\n{padding}\r\n", &digest(text)[5..]);
            std::fs::write(folder.path().join(name).with_extension("txt"), line).unwrap();
        }
        let list = Leaked::open(folder.path()).unwrap();
        assert!(contains(&list, "leaked last summer").await);
        let lost = list.contains(&SecretString::from("whose range is missing")).await;
        assert!(lost.is_err(), "an incomplete list lets nothing pass");
    }

    #[test]
    fn a_list_that_is_missing_or_has_another_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        assert!(Leaked::open(&path).is_err());
        std::fs::write(&path, "password\n123456\n").unwrap();
        let refused = Leaked::open(&path).unwrap_err().to_string();
        assert!(refused.contains("hexadecimal"), "{refused}");
        let (one, other) = (digest("one"), digest("other"));
        let (low, high) = if one < other { (one, other) } else { (other, one) };
        std::fs::write(&path, format!("{high}:9\n{low}:1\n")).unwrap();
        let refused = Leaked::open(&path).unwrap_err().to_string();
        assert!(refused.contains("not sorted"), "{refused}");
        std::fs::write(&path, "").unwrap();
        assert!(Leaked::open(&path).is_err(), "an empty file");
        assert!(Leaked::open(folder.path()).is_err(), "a directory without ranges");
    }
}
