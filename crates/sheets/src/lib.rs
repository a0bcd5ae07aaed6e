//! Tables for people: comma-separated values (RFC 4180) and spreadsheets (Office Open XML), written row by
//! row, with texts that no spreadsheet takes for a formula.
//!
//! ```
//! use bailiwick_sheets::Csv;
//! let mut csv = Csv::default();
//! csv.row(&["=1+1", "a, b"]).unwrap();
//! assert_eq!(csv.take().unwrap(), b"'=1+1,\"a, b\"\r\n");
//! ```

mod csv;
mod harmless;
mod xlsx;

pub use csv::Csv;
pub use harmless::harmless;
pub use xlsx::{Layout, Xlsx};

/// Error for a table that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the file cannot be made: {0}")]
pub struct SheetError(String);

impl SheetError {
    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0
    }
}
