//! Results on standard output: tables, trees and sentences for people, one JSON or YAML value for programs.

mod answer;
pub(crate) mod changes;
pub(crate) mod decision;
pub(crate) mod explanation;
mod tree;

use std::io::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Output;

pub(crate) use self::answer::{answer, preview, read_message};

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
        Output::Table => line(human(value)),
        Output::Json => line(serde_json::to_string_pretty(value)?),
        Output::Yaml => line(serde_saphyr::to_string(value)?.trim_end()),
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

/// Prints an error on standard error, in the format of the results.
pub(crate) fn failure(output: Output, error: &anyhow::Error) {
    let value = failure_json(error);
    let text = match output {
        Output::Table => None,
        Output::Json => serde_json::to_string_pretty(&value).ok(),
        Output::Yaml => serde_saphyr::to_string(&value).ok(),
    };
    let text = text.unwrap_or_else(|| format!("bailiwick: {error:#}"));
    // A failed write to standard error cannot be reported anywhere.
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}

/// An error for programs: of a refused call its code, reason and invalid fields.
fn failure_json(error: &anyhow::Error) -> Value {
    let Some(refused) = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<bailiwick_client::Error>())
    else {
        return json!({"error": {"message": format!("{error:#}")}});
    };
    let violations = refused.violations().iter();
    let violations = violations.map(|one| json!({"field": one.field, "description": one.description}));
    json!({"error": {
        "code": bailiwick_client::code_name(refused.code()),
        "reason": refused.reason(),
        "message": refused.message(),
        "metadata": refused.metadata(),
        "violations": violations.collect::<Value>(),
        "retry_after_seconds": refused.retry_after().map(|after| after.as_secs_f64()),
    }})
}

/// A number with its noun, in the singular or plural.
pub(crate) fn count(number: impl Into<i128>, noun: &str) -> String {
    let number = number.into();
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
