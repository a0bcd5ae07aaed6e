//! A spreadsheet (Office Open XML), written row by row into a temporary file.

use std::{fs::File, path::Path};

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::{SheetError, harmless};

/// As many rows as a sheet takes, the header among them.
const ROWS: u32 = 1_048_576;
/// The longest text of a cell, in UTF-16 units; what is longer is cut and says so.
const TEXT: usize = 32_767;

impl From<XlsxError> for SheetError {
    fn from(error: XlsxError) -> Self {
        Self(error.to_string())
    }
}

/// What a workbook looks like.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The name of its sheet; further ones are numbered.
    pub name: &'static str,
    /// The titles of the columns with their widths in characters.
    pub columns: &'static [(&'static str, f64)],
}

/// A workbook that keeps no more than a row in memory.
pub struct Xlsx {
    layout: Layout,
    book: Workbook,
    sheets: usize,
    next: u32,
}

impl std::fmt::Debug for Xlsx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Xlsx")
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

impl Xlsx {
    /// An empty workbook, whose sheets are kept in a directory until it is finished.
    ///
    /// # Errors
    /// The directory is not writable.
    pub fn new(directory: &Path, layout: Layout) -> Result<Self, SheetError> {
        let mut book = Workbook::new();
        book.set_tempdir(directory)?;
        let mut xlsx = Self {
            layout,
            book,
            sheets: 0,
            next: ROWS,
        };
        xlsx.sheet()?;
        Ok(xlsx)
    }

    /// The sheet that the next row goes to; a new one where the last is full.
    fn sheet(&mut self) -> Result<&mut Worksheet, SheetError> {
        if self.next < ROWS {
            return Ok(self.book.worksheet_from_index(self.sheets - 1)?);
        }
        self.sheets += 1;
        self.next = 1;
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        let name = match self.sheets {
            1 => self.layout.name.to_owned(),
            n => format!("{} {n}", self.layout.name),
        };
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        // Printed: on its side, all columns on a page, the header on each.
        sheet.set_landscape().set_print_fit_to_pages(1, 0);
        sheet.set_repeat_rows(0, 0)?;
        let bold = Format::new().set_bold();
        for (column, (title, width)) in (0_u16..).zip(self.layout.columns) {
            sheet.set_column_width(column, *width)?;
            sheet.write_string_with_format(0, column, *title, &bold)?;
        }
        Ok(sheet)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Its directory is full.
    pub fn row(&mut self, cells: &[&str]) -> Result<(), SheetError> {
        self.sheet()?;
        let at = self.next;
        let sheet = self.sheet()?;
        for (column, cell) in (0_u16..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            sheet.write_string(at, column, fitting(&harmless(cell)))?;
        }
        self.next = at + 1;
        Ok(())
    }

    /// Writes the workbook to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn finish(mut self, mut file: File) -> Result<File, SheetError> {
        let (sheets, end) = (self.sheets, self.next);
        for (number, sheet) in (1..).zip(self.book.worksheets_mut()) {
            let last = u16::try_from(self.layout.columns.len().saturating_sub(1)).unwrap_or(0);
            // All but the last are full.
            let end = if number == sheets { end } else { ROWS };
            sheet.autofilter(0, 0, end.saturating_sub(1).max(1), last)?;
        }
        // Packing takes time and nothing but a processor.
        let packed = tokio::task::spawn_blocking(move || {
            self.book.save_to_writer(&mut file)?;
            Ok::<_, SheetError>(file)
        });
        packed.await.map_err(|error| SheetError(error.to_string()))?
    }
}

/// A text that fits into a cell.
fn fitting(text: &str) -> String {
    const CUT: &str = " … (cut)";
    if text.encode_utf16().count() <= TEXT {
        return text.to_owned();
    }
    let mut units = CUT.encode_utf16().count();
    let kept = text.chars().take_while(|c| {
        units += c.len_utf16();
        units <= TEXT
    });
    kept.chain(CUT.chars()).collect()
}
