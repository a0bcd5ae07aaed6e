//! The rules of the workspace that the compiler and clippy do not know, a file each.

mod callers;
mod conformance;
mod crates;
mod fields;
mod kinds;
mod lints;
mod modules;
mod size;
mod use_cases;

use std::path::Path;

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
    faults.extend(fields::faults(&workspace)?);
    faults.extend(lints::faults(&workspace)?);
    faults.extend(kinds::faults(&workspace)?);
    faults.extend(conformance::faults(&workspace)?);
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{} faults:\n  {}", faults.len(), faults.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_its_rules() {
        run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    }
}
