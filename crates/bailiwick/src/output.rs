//! Results on standard output: tables and sentences for people, one JSON value for programs.

use std::io::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};
use serde::Serialize;

use crate::cli::Output;

/// Prints a line. A closed pipe ends the program as it would any other filter.
pub(crate) fn line(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints a value as JSON, or what `human` makes of it.
pub(crate) fn print<T: Serialize>(
    output: Output,
    value: &T,
    human: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    match output {
        Output::Human => line(human(value)),
        Output::Json => line(serde_json::to_string_pretty(value)?),
    }
    Ok(())
}

/// A table as wide as its terminal allows.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    laid_out(header, rows).to_string()
}

fn laid_out(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    // No lines between rows: twice as many fit on a screen.
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .remove_style(TableComponent::HorizontalLines)
        .remove_style(TableComponent::MiddleIntersections)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if width().is_none() {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(header.iter().map(Cell::new));
    for row in rows {
        table.add_row(row);
    }
    table
}

/// How many columns the terminal has; none where there is no terminal, or one that does not know its size.
pub(crate) fn width() -> Option<usize> {
    Table::new().width().map(usize::from).filter(|width| *width > 0)
}

/// The same, with all columns but the first in the middle, as marks are read best.
pub(crate) fn centred(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = laid_out(header, rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Center);
    }
    table.to_string()
}

/// Prints a line on standard error.
pub(crate) fn error(text: impl std::fmt::Display) {
    // There is nowhere to tell that telling failed.
    let _ = writeln!(std::io::stderr(), "{text}");
}
