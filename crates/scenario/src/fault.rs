//! Faults of a scenario file.

use std::fmt;

use bailiwick_policy::manifest::yaml::Position;

/// One fault of a file, printed as `FILE:LINE:COLUMN: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Name of the file.
    pub file: String,
    /// Where it is.
    pub at: Position,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.at;
        write!(f, "{}:{line}:{column}: {}", self.file, self.message)
    }
}

/// Error for a file that cannot be run: all its faults, in the order of the file, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unusable(pub Vec<Fault>);

impl Unusable {
    /// A file with one fault.
    pub(crate) fn one(file: &str, at: Position, message: String) -> Self {
        Self(vec![Fault {
            file: file.to_owned(),
            at,
            message,
        }])
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Fault::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}
