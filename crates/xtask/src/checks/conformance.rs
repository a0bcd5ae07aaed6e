//! What proves identity's requirements is in `tests/identity/conformance.toml`: each row names tests that
//! exist, or says what is missing.

use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::kinds::Tests;
use crate::source::Workspace;

/// The list, from the root of the workspace.
const LIST: &str = "tests/identity/conformance.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    check: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    /// Section, paragraph and letter: `1.2.a`.
    id: String,
    /// What must hold.
    text: String,
    /// The tests that prove it.
    #[serde(default)]
    tests: Vec<String>,
    /// Why no test proves it yet.
    #[serde(default)]
    missing: String,
}

/// Finds rows that are incomplete, out of order or name a test that does not exist.
pub(crate) fn faults(workspace: &Workspace) -> Result<Vec<String>> {
    let text = fs::read_to_string(workspace.root.join(LIST)).context(LIST)?;
    let list: List = toml::from_str(&text).context(LIST)?;
    let tests = Tests::of(workspace)?;
    Ok(check(&list, |test| tests.has(test)))
}

fn check(list: &List, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut before = None;
    for row in &list.check {
        let mut fault = |rule: String| faults.push(format!("{LIST}: check `{}` {rule}", row.id));
        match place(&row.id) {
            None => fault("must have an id such as `1.2.a`".to_owned()),
            Some(place) => {
                if !follows(before, place) {
                    fault("does not follow the one before: a row is missing, or stands twice".to_owned());
                }
                before = Some(place);
            }
        }
        if row.text.is_empty() {
            fault("needs a text".to_owned());
        }
        if row.tests.is_empty() == row.missing.is_empty() {
            fault("needs either `tests` or the reason why they are `missing`".to_owned());
        }
        for test in row.tests.iter().filter(|test| !exists(test)) {
            fault(format!("names test `{test}`, which does not exist"));
        }
    }
    faults
}

/// Section, paragraph and the number of the letters: `a` is 1, `aa` is 27.
fn place(id: &str) -> Option<(u32, u32, u32)> {
    let mut parts = id.split('.');
    let (section, paragraph) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let letters = parts.next().filter(|letters| !letters.is_empty())?;
    let number = letters.bytes().try_fold(0_u32, |number, letter| {
        let letter = letter
            .is_ascii_lowercase()
            .then(|| u32::from(letter - b'a') + 1)?;
        number.checked_mul(26)?.checked_add(letter)
    });
    parts.next().is_none().then_some((section, paragraph, number?))
}

/// Whether a place is the next one of a list without gaps, but for paragraphs that ask for nothing.
fn follows(before: Option<(u32, u32, u32)>, place: (u32, u32, u32)) -> bool {
    let Some((section, paragraph, letter)) = before else {
        return place.2 == 1;
    };
    let same = place.0 == section && place.1 == paragraph;
    let later = (place.0, place.1) > (section, paragraph);
    (same && place.2 == letter + 1) || (later && place.2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, rest: &str) -> String {
        format!("[[check]]\nid = '{id}'\ntext = 't'\n{rest}\n")
    }
    fn faults_of(rows: &[String]) -> String {
        let list: List = toml::from_str(&rows.concat()).unwrap();
        check(&list, |test| test == "limits::it_holds").join("\n")
    }

    #[test]
    fn rows_in_order_with_tests_or_a_reason_pass() {
        let held = "tests = ['limits::it_holds']";
        let rows = [
            row("1.1.a", held),
            row("1.1.b", "missing = 'later'"),
            row("1.3.a", held),
            row("2.1.a", held),
        ];
        assert_eq!(faults_of(&rows), "");
        let many: Vec<_> = (b'a'..=b'z')
            .map(|c| row(&format!("1.1.{}", c as char), held))
            .collect();
        assert_eq!(faults_of(&[many, vec![row("1.1.aa", held)]].concat()), "");
    }

    #[test]
    fn gaps_empty_rows_and_tests_that_do_not_exist_are_reported() {
        let faults = faults_of(&[
            row("1.1.a", "tests = ['gone']"),
            row("1.1.c", ""),
            row("1.1.c", "tests = ['limits::it_holds']\nmissing = 'both'"),
            row("one", "missing = 'x'"),
            "[[check]]\nid = '1.2.a'\ntext = ''\nmissing = 'x'\n".to_owned(),
        ]);
        for rule in [
            "`1.1.a` names test `gone`",
            "`1.1.c` does not follow",
            "`1.1.c` needs either",
            "`one` must have an id",
            "`1.2.a` needs a text",
        ] {
            assert!(faults.contains(rule), "{rule}: {faults}");
        }
        assert_eq!(faults.matches("does not follow").count(), 2, "{faults}");
    }
}
