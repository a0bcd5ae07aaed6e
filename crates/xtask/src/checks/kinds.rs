//! Each kind of fault that was found has a row in `docs/development/kinds.toml`, with a test that exists.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::source::Workspace;

/// The list, from the root of the workspace.
const LIST: &str = "docs/development/kinds.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// The kinds that the list must have, so that a row cannot get lost.
    names: Vec<String>,
    kind: Vec<Kind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    name: String,
    title: String,
    pattern: String,
    hits: usize,
    fixed: usize,
    kept_because: String,
    tests: Vec<String>,
}

/// Finds rows that are missing, incomplete or name a test that does not exist.
pub(crate) fn faults(workspace: &Workspace) -> Result<Vec<String>> {
    let text = fs::read_to_string(workspace.root.join(LIST)).context(LIST)?;
    let list: List = toml::from_str(&text).context(LIST)?;
    let tests = Tests::of(workspace)?;
    Ok(check(&list, |test| tests.has(test)))
}

/// The tests of the workspace.
pub(super) struct Tests<'a> {
    names: BTreeSet<String>,
    workspace: &'a Workspace,
}

impl<'a> Tests<'a> {
    /// Collects them from the sources.
    pub(super) fn of(workspace: &'a Workspace) -> Result<Self> {
        let mut names = BTreeSet::new();
        for folder in ["crates", "fuzz"] {
            collect(&workspace.root.join(folder), &mut names)?;
        }
        Ok(Self { names, workspace })
    }
    /// Whether there is a test of a name, `PATH::NAME`, or a file of tests in another language.
    pub(super) fn has(&self, test: &str) -> bool {
        match test.rsplit_once("::") {
            Some((_, name)) => self.names.contains(name),
            None => self.names.contains(test) || self.workspace.root.join(test).is_file(),
        }
    }
}

fn check(list: &List, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    let rows: Vec<&str> = list.kind.iter().map(|kind| &*kind.name).collect();
    for name in list.names.iter().filter(|name| !rows.contains(&&***name)) {
        faults.push(format!("{LIST}: kind `{name}` has no row"));
    }
    for kind in &list.kind {
        let mut fault = |rule: String| faults.push(format!("{LIST}: kind `{}` {rule}", kind.name));
        if !list.names.contains(&kind.name) {
            fault("is not in `names`".to_owned());
        }
        if rows.iter().filter(|name| **name == kind.name).count() > 1 {
            fault("has more than one row".to_owned());
        }
        if kind.title.is_empty() || kind.pattern.is_empty() {
            fault("needs a title and a pattern".to_owned());
        }
        if kind.fixed > kind.hits {
            fault("has more fixes than hits".to_owned());
        }
        if kind.fixed < kind.hits && kind.kept_because.is_empty() {
            fault("must say why the other hits are kept (`kept_because`)".to_owned());
        }
        if kind.tests.is_empty() {
            fault("needs a test".to_owned());
        }
        for test in kind.tests.iter().filter(|test| !exists(test)) {
            fault(format!("names test `{test}`, which does not exist"));
        }
    }
    faults
}

/// Collects the names of all tests below a folder.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "target" && name != "gen" {
            collect(&path, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests.extend(tests_of(&fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// The names of the tests in a file: functions with an attribute that says so, and those that
/// `on_both_engines!` names. It reads lines, so that those in macros count.
fn tests_of(text: &str) -> Vec<String> {
    let name_of = |text: &str| {
        let end = |c: char| !c.is_alphanumeric() && c != '_';
        text.split(end).next().unwrap_or_default().to_owned()
    };
    let mut tests = Vec::new();
    let (mut is_test, mut in_list) = (false, false);
    for line in text.lines().map(str::trim_start) {
        if in_list {
            in_list = !line.starts_with(['}', ')']);
            tests.extend(
                line.split([' ', ','])
                    .map(name_of)
                    .filter(|name| !name.is_empty()),
            );
        } else if ["on_both_engines! {", "on_both_engines!("]
            .iter()
            .any(|list| line.ends_with(list))
        {
            in_list = true;
        } else if line.starts_with("#[") {
            is_test |= line.contains("test]") || line.contains("test(");
        } else if let Some((before, rest)) = line.split_once("fn ")
            && ["", "pub ", "async ", "pub async "].contains(&before)
        {
            if is_test {
                tests.push(name_of(rest));
            }
            is_test = false;
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> List {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_complete_row_with_an_existing_test_passes() {
        let list = list(
            "names = ['a']\n[[kind]]\nname = 'a'\ntitle = 't'\npattern = 'rg x'\nhits = 2\nfixed = 1\n\
             kept_because = 'one is a test'\ntests = ['policy::it_holds']",
        );
        assert_eq!(check(&list, |test| test == "policy::it_holds"), [""; 0]);
    }

    #[test]
    fn missing_rows_reasons_and_tests_are_reported() {
        let list = list(
            "names = ['a', 'lost']\n[[kind]]\nname = 'a'\ntitle = 't'\npattern = 'rg x'\nhits = 2\nfixed = 1\n\
             kept_because = ''\ntests = ['gone']\n\
             [[kind]]\nname = 'new'\ntitle = ''\npattern = ''\nhits = 0\nfixed = 1\nkept_because = ''\ntests = []",
        );
        let faults = check(&list, |_| false).join("\n");
        for rule in [
            "`lost` has no row",
            "`a` must say why",
            "`a` names test `gone`",
            "`new` is not in `names`",
            "`new` needs a title",
            "`new` has more fixes than hits",
            "`new` needs a test",
        ] {
            assert!(faults.contains(rule), "{rule}: {faults}");
        }
    }

    #[test]
    fn only_tests_count_as_tests() {
        let text = "#[test]\nfn one() {}\nfn helper() {}\n#[tokio::test(flavor = \"multi_thread\")]\n\
                    async fn two() {}\n// a fn of words\non_both_engines! {\n    three\n    four, five\n}\n\
                    async fn three(bed: Bed) {}\n";
        assert_eq!(tests_of(text), ["one", "two", "three", "four", "five"]);
    }
}
