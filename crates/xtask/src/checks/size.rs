//! How long the files are, and how much production code there is.

use std::{collections::BTreeSet, path::Path};

use anyhow::Result;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::{SourceFile, Workspace};

/// Longest file.
const MAX: usize = 600;
/// Nine of ten files are shorter.
const P90: usize = 320;
/// Crates that no product ships.
const TOOLS: &[&str] = &["bailiwick-testkit", "xtask"];

/// Lines of production code.
#[derive(Clone, Copy, Default)]
struct Lines {
    files: usize,
    total: usize,
    /// Neither blank nor only a comment.
    code: usize,
}

impl Lines {
    fn of(file: &SourceFile) -> Self {
        let tests: Vec<_> = file.test_lines().collect();
        let is_test = |line: usize| tests.iter().any(|(first, last)| (*first..=*last).contains(&line));
        let mut lines = BTreeSet::new();
        if let Ok(tokens) = file.text.parse() {
            code_lines(tokens, &file.text.lines().collect::<Vec<_>>(), &mut lines);
        }
        Self {
            files: 1,
            total: (1..=file.text.lines().count())
                .filter(|line| !is_test(*line))
                .count(),
            code: lines.into_iter().filter(|line| !is_test(*line)).count(),
        }
    }
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.total += other.total;
        self.code += other.code;
    }
}

/// Collects the lines with a token on them; documentation is none.
fn code_lines(tokens: TokenStream, text: &[&str], lines: &mut BTreeSet<usize>) {
    for token in tokens {
        let (start, end) = (token.span().start(), token.span().end());
        let written = text
            .get(start.line.saturating_sub(1))
            .and_then(|line| {
                line.char_indices()
                    .nth(start.column)
                    .and_then(|(at, _)| line.get(at..))
            })
            .unwrap_or_default();
        if written.starts_with("//") || written.starts_with("/*") {
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                if group.delimiter() != Delimiter::None {
                    lines.extend([start.line, end.line]);
                }
                code_lines(group.stream(), text, lines);
            }
            _ => lines.extend(start.line..=end.line),
        }
    }
}

/// Finds files that are too long.
pub(crate) fn faults(workspace: &Workspace) -> Vec<String> {
    let mut lengths = Vec::new();
    let mut faults = Vec::new();
    for file in workspace.files() {
        let Lines { total, .. } = Lines::of(file);
        if total > MAX {
            faults.push(format!(
                "{}: {total} lines of production code, at most {MAX} are allowed",
                file.path
            ));
        }
        lengths.push(total);
    }
    let p90 = percentile(&mut lengths, 90);
    if p90 >= P90 {
        faults.push(format!(
            "the 90th percentile of file length is {p90} lines, it must be below {P90}"
        ));
    }
    faults
}

fn percentile(lengths: &mut [usize], percent: usize) -> usize {
    lengths.sort_unstable();
    let rank = (lengths.len() * percent).div_ceil(100);
    lengths.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The lines of production code of the workspace at `root` by crate, and the longest files.
pub(crate) fn report(root: &Path) -> Result<String> {
    let workspace = Workspace::load(root)?;
    let mut text = format!("{:<34} {:>5} {:>7} {:>7}\n", "crate", "files", "lines", "code");
    let (mut all, mut shipped) = (Lines::default(), Lines::default());
    let mut files = Vec::new();
    for krate in &workspace.crates {
        let mut sum = Lines::default();
        for file in krate.files.iter().filter(|file| !file.is_generated()) {
            let lines = Lines::of(file);
            files.push((lines.total, file.path.as_str()));
            sum.add(lines);
        }
        text.push_str(&row(&krate.package, sum));
        all.add(sum);
        if !TOOLS.contains(&krate.package.as_str()) {
            shipped.add(sum);
        }
    }
    text.push_str(&row("all", all));
    text.push_str(&row(&format!("without {}", TOOLS.join(", ")), shipped));
    files.sort_unstable_by(|a, b| b.cmp(a));
    let mut lengths: Vec<_> = files.iter().map(|(lines, _)| *lines).collect();
    text.push_str(&format!(
        "\nlines of a file: median {}, 90th percentile {} (bar: below {P90}), longest {} (at most {MAX})\n",
        percentile(&mut lengths, 50),
        percentile(&mut lengths, 90),
        percentile(&mut lengths, 100),
    ));
    for (lines, path) in files.iter().take(10) {
        text.push_str(&format!("  {lines:>4} {path}\n"));
    }
    Ok(text)
}

fn row(name: &str, lines: Lines) -> String {
    format!(
        "{name:<34} {:>5} {:>7} {:>7}\n",
        lines.files, lines.total, lines.code
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_comments_and_blank_lines_are_told_apart() {
        let text = "//! A file.\n\n/// A function.\nfn a() {\n    // why\n    let _ = r#\"two\n// lines\"#;\n\n    /* more\n    */\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        let file = SourceFile::parse("x.rs".to_owned(), Vec::new(), text.to_owned()).unwrap();
        let lines = Lines::of(&file);
        assert_eq!((lines.total, lines.code), (11, 4));
    }

    #[test]
    fn a_percentile_is_the_value_of_its_rank() {
        let mut lengths: Vec<_> = (1..=10).rev().collect();
        assert_eq!(percentile(&mut lengths, 90), 9);
        assert_eq!(percentile(&mut lengths, 100), 10);
        assert_eq!(percentile(&mut [], 90), 0);
    }
}
