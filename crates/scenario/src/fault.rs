//! What makes a file unusable.

use std::fmt;

/// A place in a file; lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// Line.
    pub line: u64,
    /// Column, in characters.
    pub column: u64,
}

/// One thing that is wrong with a file, printed as `FILE:LINE:COLUMN: what`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Name of the file.
    pub file: String,
    /// Where in it.
    pub at: Position,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file, self.at.line, self.at.column, self.message
        )
    }
}

/// A file that cannot be run, with everything that is wrong with it, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unusable(pub Vec<Fault>);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// Collects faults while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Position, String)>);

impl Faults {
    pub(crate) fn add(&mut self, at: Position, message: impl Into<String>) {
        self.0.push((at, message.into()));
    }
    /// The faults of a file; none where it can be used.
    pub(crate) fn of(mut self, file: &str) -> Option<Unusable> {
        self.0.sort();
        let faults: Vec<_> = self
            .0
            .into_iter()
            .map(|(at, message)| Fault {
                file: file.to_owned(),
                at,
                message,
            })
            .collect();
        (!faults.is_empty()).then_some(Unusable(faults))
    }
}
