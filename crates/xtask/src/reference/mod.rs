//! The pages of `docs/reference/`: lists that are made from the protos and the sources.

mod http_paths;
mod internal_calls;
mod methods;
mod metrics;
mod reasons;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::{codegen::access::Row, source::Workspace};

/// The pages, by path.
pub(crate) fn pages(root: &Path, rows: &[Row]) -> Result<Vec<(PathBuf, String)>> {
    let folder = root.join("docs/reference");
    let workspace = Workspace::load(root)?;
    Ok(vec![
        (folder.join("internal-calls.md"), internal_calls::page(rows)),
        (folder.join("methods.md"), methods::page(rows)?),
        (folder.join("error-reasons.md"), reasons::page(root)?),
        (folder.join("http-paths.md"), http_paths::page(&workspace)?),
        (folder.join("metrics.md"), metrics::page(&workspace)?),
    ])
}

/// The title of a page and the line that says where it comes from.
fn head(title: &str, source: &str) -> String {
    format!("# {title}\n\n<!-- Made by `cargo xtask codegen` from {source}. Do not edit. -->\n\n")
}

/// The table of a page.
fn table<const N: usize>(columns: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&columns.map(str::to_owned)) + &line(&columns.map(|_| "---".to_owned()));
    text.extend(
        rows.into_iter()
            .map(|cells| line(&cells.map(|cell| cell.replace('|', "\\|")))),
    );
    text
}

/// Text in backticks; nothing for nothing.
fn code(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_escapes_the_separator_of_cells() {
        let rows = [["a|b".to_owned(), code("")]];
        assert_eq!(
            table(["x", "y"], rows),
            "| x | y |\n| --- | --- |\n| a\\|b |  |\n"
        );
    }
}
