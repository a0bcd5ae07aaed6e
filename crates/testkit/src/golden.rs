//! Golden files: expected output that changes only on purpose.

use std::{fs, path::Path};

use similar::{ChangeTag, TextDiff};

/// Compares a text with the golden file at `path`, relative to the root of the crate under test. With
/// `UPDATE_GOLDEN=1` in the environment the file is written instead.
///
/// # Panics
/// The file is missing or differs; the message shows the difference.
#[track_caller]
#[expect(clippy::panic, reason = "a test whose output changed has failed")]
pub fn golden(path: impl AsRef<Path>, actual: &str) {
    let path = path.as_ref();
    let shown = path.display();
    let actual = if actual.ends_with('\n') {
        actual.to_owned()
    } else {
        format!("{actual}\n")
    };
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        let folder = path.parent().unwrap_or(Path::new("."));
        if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(path, &actual)) {
            panic!("golden file `{shown}` cannot be written: {error}");
        }
        return;
    }
    match fs::read_to_string(path) {
        Ok(expected) if expected == actual => {}
        Ok(expected) => panic!(
            "`{shown}` differs from what it is now (run with UPDATE_GOLDEN=1 where that is meant):\n{}",
            difference(&expected, &actual)
        ),
        Err(error) => panic!("golden file `{shown}` cannot be read ({error}); UPDATE_GOLDEN=1 writes it"),
    }
}

fn difference(expected: &str, actual: &str) -> String {
    let diff = TextDiff::from_lines(expected, actual);
    let mut out = String::new();
    for group in diff.grouped_ops(3) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            out.push(sign);
            out.push_str(change.value());
        }
        out.push_str("...\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_lines_that_went_and_came() {
        let shown = difference("a\nb\nc\n", "a\nB\nc\n");
        assert!(shown.contains("-b\n+B\n"), "{shown}");
    }
}
