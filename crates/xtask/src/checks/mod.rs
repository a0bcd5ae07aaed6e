//! The rules of the workspace that the compiler and clippy do not know, a file each.

mod callers;
mod crates;
mod lints;
mod modules;
mod size;
mod use_cases;

use std::{collections::BTreeSet, path::Path};

use anyhow::{Result, bail};

pub(crate) use size::report;

use crate::source::Workspace;

/// Runs every check and fails with all faults that they find.
pub(crate) fn run(root: &Path) -> Result<()> {
    let workspace = Workspace::load(root)?;
    let mut faults = crates::faults()?;
    faults.extend(modules::faults(&workspace));
    faults.extend(size::faults(&workspace));
    faults.extend(use_cases::faults(&workspace));
    faults.extend(callers::faults(&workspace));
    faults.extend(lints::faults(&workspace)?);
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{} faults:\n  {}", faults.len(), faults.join("\n  "))
}

/// Faults by what a tolerated list names them, without those that are in the list; an entry that names no
/// fault is a fault itself, so that the list only ever shrinks.
fn tolerate(faults: Vec<(String, String)>, list: &str, tolerated: &[&str]) -> Vec<String> {
    let present: BTreeSet<_> = faults.iter().map(|(key, _)| key.clone()).collect();
    let stale = tolerated
        .iter()
        .filter(|key| !present.contains(**key))
        .map(|key| format!("{list} in xtask: remove `{key}`, it is no longer needed"));
    let open = faults
        .iter()
        .filter(|(key, _)| !tolerated.contains(&key.as_str()))
        .map(|(_, fault)| fault.clone());
    open.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_its_rules() {
        run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    }

    #[test]
    fn a_tolerated_fault_passes_and_an_entry_without_fault_is_one() {
        let faults = vec![
            ("a".to_owned(), "a is wrong".to_owned()),
            ("b".to_owned(), "b is wrong".to_owned()),
        ];
        let left = tolerate(faults, "LIST", &["a", "c"]);
        assert_eq!(
            left,
            ["b is wrong", "LIST in xtask: remove `c`, it is no longer needed"]
        );
    }
}
