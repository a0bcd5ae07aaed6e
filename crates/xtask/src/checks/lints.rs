//! What rustfmt and clippy leave to us: the width of comments, and `#[allow]` where `#[expect]` works.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::source::{Workspace, is_generated, relative};

/// Finds lines that are too wide and attributes that allow.
pub(crate) fn faults(workspace: &Workspace) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let width = max_width(&workspace.root)?;
    for folder in ["crates", "fuzz"] {
        for path in rust_files(&workspace.root.join(folder))? {
            let name = relative(&workspace.root, &path);
            if is_generated(&name) {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            for line in too_wide(&text, width) {
                faults.push(format!(
                    "{name}:{line}: longer than {width} characters: rewrap it"
                ));
            }
        }
    }
    for file in workspace.files() {
        let mut found = Allows(Vec::new());
        file.attributes
            .iter()
            .for_each(|attribute| found.visit_attribute(attribute));
        file.items.iter().for_each(|item| found.visit_item(item));
        faults.extend(
            found
                .0
                .into_iter()
                .map(|line| format!("{}:{line}: use `#[expect(lint, reason = \"...\")]`", file.path)),
        );
    }
    Ok(faults)
}

fn max_width(root: &Path) -> Result<usize> {
    let settings = fs::read_to_string(root.join("rustfmt.toml"))?;
    settings
        .lines()
        .find_map(|line| {
            line.strip_prefix("max_width")?
                .trim_start()
                .strip_prefix('=')?
                .trim()
                .parse()
                .ok()
        })
        .context("rustfmt.toml has no max_width")
}

fn rust_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The lines that are longer than `width`, except those that a literal crosses: it cannot always be broken.
fn too_wide(text: &str, width: usize) -> Vec<usize> {
    let mut lines: Vec<_> = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| line.chars().count() > width)
        .map(|(_, number)| number)
        .collect();
    if !lines.is_empty()
        && let Ok(tokens) = text.parse()
    {
        let all: Vec<_> = text.lines().collect();
        lines.retain(|line| {
            all.get(line - 1)
                .is_some_and(|text| text.trim_start().starts_with("//"))
                || !crossed(&tokens, *line, width)
        });
    }
    lines
}

/// Whether a literal reaches the end of the allowed width; what closes the call may follow it.
fn crossed(tokens: &TokenStream, line: usize, width: usize) -> bool {
    tokens.clone().into_iter().any(|token| {
        let (start, end) = (token.span().start(), token.span().end());
        match token {
            TokenTree::Group(group) => {
                (start.line..=end.line).contains(&line) && crossed(&group.stream(), line, width)
            }
            TokenTree::Literal(_) => {
                (start.line, start.column) <= (line, width)
                    && (line, width.saturating_sub(4)) < (end.line, end.column)
            }
            _ => false,
        }
    })
}

/// The lines of `#[allow]`.
struct Allows(Vec<usize>);

impl<'a> Visit<'a> for Allows {
    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        if attribute.path().is_ident("allow") {
            self.0.push(attribute.pound_token.span.start().line);
        }
        visit::visit_attribute(self, attribute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_as_narrow_as_code_and_a_literal_may_be_wider() {
        let text = "// 1234567890\nfn f() {\n    g(\"1234567890\");\n    // 12345\n    gggggggggg();\n}\n/// 123456\nfn g() {}\n";
        assert_eq!(too_wide(text, 10), [1, 4, 5]);
    }

    #[test]
    fn an_allow_is_found_wherever_it_stands() {
        let file = syn::parse_file("#[allow(dead_code)]\nfn f() {\n    #[allow(unused)]\n    let x = 1;\n}")
            .unwrap();
        let mut found = Allows(Vec::new());
        found.visit_file(&file);
        assert_eq!(found.0, [1, 3]);
    }
}
