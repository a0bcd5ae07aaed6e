//! Comma-separated values as RFC 4180 has them.

use ::csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use super::{SheetError, harmless};

/// Rows that were not handed on yet.
#[derive(Debug)]
pub struct Csv(Writer<Vec<u8>>);

impl Default for Csv {
    fn default() -> Self {
        Self(
            WriterBuilder::new()
                .terminator(Terminator::CRLF)
                .quote_style(QuoteStyle::Necessary)
                .from_writer(Vec::new()),
        )
    }
}

impl Csv {
    /// Adds a row.
    ///
    /// # Errors
    /// Memory is short.
    pub fn row(&mut self, cells: &[&str]) -> Result<(), SheetError> {
        let cells = cells.iter().map(|cell| harmless(cell).into_owned());
        self.0
            .write_record(cells)
            .map_err(|error| SheetError(error.to_string()))
    }

    /// Hands on what is there.
    ///
    /// # Errors
    /// Memory is short.
    pub fn take(&mut self) -> Result<Vec<u8>, SheetError> {
        let full = std::mem::take(self);
        full.0.into_inner().map_err(|error| SheetError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_with_crlf_and_cells_are_quoted_where_they_have_to_be() {
        let mut csv = Csv::default();
        csv.row(&["a", "b, c", "d \"e\"", "f\ng", "=1"]).unwrap();
        let first = csv.take().unwrap();
        csv.row(&["", "x", "y", "z", ""]).unwrap();
        let all = [first, csv.take().unwrap()].concat();
        assert_eq!(
            String::from_utf8(all).unwrap(),
            "a,\"b, c\",\"d \"\"e\"\"\",\"f\ng\",'=1\r\n,x,y,z,\r\n"
        );
    }
}
