//! Everything that a store holds, to be searched for what must not be in it.

use std::path::Path;

/// The content of databases and files.
#[derive(Debug, Clone, Default)]
pub struct Content(Vec<u8>);

impl Content {
    /// Adds bytes. What a dump of PostgreSQL writes as `\\x...` is added as the bytes that it stands for,
    /// too.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.push(0);
        self.0.extend_from_slice(bytes);
        let mut rest = bytes;
        while let Some(at) = rest.windows(2).position(|pair| pair == b"\\x") {
            rest = &rest[at + 2..];
            let length = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let (hex, tail) = rest.split_at(length);
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            self.0.push(0);
            self.0.extend(hex.chunks_exact(2).filter_map(byte));
            rest = tail;
        }
    }
    /// Adds a file, or all files below a directory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn add_path(&mut self, path: &Path) -> std::io::Result<()> {
        if path.is_dir() {
            for entry in std::fs::read_dir(path)? {
                self.add_path(&entry?.path())?;
            }
            return Ok(());
        }
        self.add(&std::fs::read(path)?);
        Ok(())
    }
    /// Whether a text is in it, in any case.
    #[must_use]
    pub fn names(&self, text: &str) -> bool {
        let mut found = self.0.windows(text.len());
        found.any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_any_case_also_where_a_dump_writes_bytes() {
        let mut content = Content::default();
        content.add(b"1\tAda@Example.com\t\\\\x0a42656e40\tend");
        for text in ["ada@example.com", "ben@"] {
            assert!(content.names(text), "{text}");
        }
        assert!(!content.names("cleo@"));
    }
}
