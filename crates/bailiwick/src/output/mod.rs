//! Results on standard output: tables, trees and sentences for people, one JSON value for programs.

pub(crate) mod changes;
pub(crate) mod decision;
pub(crate) mod explanation;
mod tree;

use std::io::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};
use serde::Serialize;

use crate::cli::Output;

/// Prints a line. A closed pipe ends the program, as it ends other filters.
pub(crate) fn line(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints a value as JSON, or the text that `human` makes of it.
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

/// Creates a table that fits the width of the terminal.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
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

/// The number of columns of the terminal; none if there is no terminal or its size is unknown.
fn width() -> Option<usize> {
    Table::new().width().map(usize::from).filter(|width| *width > 0)
}

/// A table whose columns are centred, except the first one.
pub(crate) fn centred(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = table(header, rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Center);
    }
    table
}

/// Prints a line on standard error.
pub(crate) fn error(text: impl std::fmt::Display) {
    // A failed write to standard error cannot be reported anywhere.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A number with its noun, in the singular or plural.
pub(crate) fn count(number: impl Into<i128>, noun: &str) -> String {
    let number = number.into();
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
