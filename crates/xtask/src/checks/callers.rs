//! Functions that only named files of production code call.

use crate::{names::Names, source::Workspace};

/// A function that gives a capability, or that only its one home may call.
struct Capability<'a> {
    /// `CRATE::TYPE::FUNCTION` or `CRATE::FUNCTION`, without the modules between.
    path: &'a [&'a str],
    callers: &'a [&'a str],
}

const CAPABILITIES: &[Capability<'_>] = &[
    // Calls callers verified and makes the witness of the suite itself; the testkit is in no shipped binary.
    Capability {
        path: &["bailiwick_types", "Authority", "establish"],
        callers: &[
            "crates/bailiwick/src/commands/reconcile/suite.rs",
            "crates/bailiwick/src/suite/wiring.rs",
            "crates/testkit/src/witness.rs",
        ],
    },
    // A detached task is neither awaited nor cancelled: writes run in `bailiwick_rpc::Tasks`, workers in a
    // `TaskTracker`.
    Capability {
        path: &["tokio", "spawn"],
        callers: &["crates/bench/src/suite.rs"],
    },
];

/// Finds callers that are not named, and names of files that do not call.
pub(crate) fn faults(workspace: &Workspace) -> Vec<String> {
    CAPABILITIES
        .iter()
        .flat_map(|capability| of(workspace, capability))
        .collect()
}

fn of(workspace: &Workspace, capability: &Capability<'_>) -> Vec<String> {
    let [owner, tail @ ..] = capability.path else {
        return Vec::new();
    };
    let (owner, function) = (*owner, tail.last().copied().unwrap_or_default());
    let written = capability.path.join("::");
    let mut faults = Vec::new();
    let mut callers = Vec::new();
    for krate in &workspace.crates {
        let inside = krate.package.replace('-', "_") == owner;
        let files: Vec<_> = krate
            .files
            .iter()
            .filter(|file| file.text.contains(function))
            .collect();
        if files.is_empty() {
            continue;
        }
        let names = Names::of(krate);
        for file in files {
            let call = names.references(file).into_iter().find(|reference| {
                reference.hops.iter().any(|path| {
                    let of_owner = path
                        .first()
                        .is_some_and(|first| first == owner || (inside && first == "crate"));
                    of_owner
                        && tail.iter().rev().zip(path.iter().rev()).all(|(a, b)| a == b)
                        && path.len() > tail.len()
                })
            });
            let Some(call) = call else { continue };
            if !capability.callers.contains(&file.path.as_str()) {
                faults.push(format!("{}:{}: must not call `{written}`", file.path, call.line));
            }
            callers.push(file.path.as_str());
        }
    }
    let idle = capability
        .callers
        .iter()
        .filter(|caller| !callers.contains(caller));
    faults.extend(idle.map(|caller| {
        format!("checks/callers.rs CAPABILITIES in xtask: `{caller}` does not call `{written}`")
    }));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Crate, SourceFile};

    fn workspace(files: &[(&str, &str, &str)]) -> Workspace {
        let crates = files
            .iter()
            .map(|(package, path, text)| Crate {
                package: (*package).to_owned(),
                files: vec![SourceFile::parse((*path).to_owned(), Vec::new(), (*text).to_owned()).unwrap()],
            })
            .collect();
        Workspace {
            root: ".".into(),
            crates,
        }
    }

    #[test]
    fn a_call_outside_the_named_files_is_found() {
        let capability = Capability {
            path: &["kit_types", "Seal", "make"],
            callers: &["guard.rs", "gone.rs"],
        };
        let workspace = workspace(&[
            (
                "kit-types",
                "types.rs",
                "pub struct Seal; impl Seal { pub fn make() {} fn again() { Self::make() } }",
            ),
            ("guard", "guard.rs", "fn f() { kit_types::Seal::make() }"),
            ("a", "a.rs", "use kit_types::Seal as S; fn f() { g(S::make) }"),
            ("b", "b.rs", "fn f() { vec![kit_types::guard::Seal::make()] }"),
            ("c", "c.rs", "struct Seal; fn f() { Seal::make(); }"),
            (
                "d",
                "d.rs",
                "#[cfg(test)] mod tests { fn f() { kit_types::Seal::make() } }",
            ),
        ]);
        assert_eq!(
            of(&workspace, &capability),
            [
                "types.rs:1: must not call `kit_types::Seal::make`",
                "a.rs:1: must not call `kit_types::Seal::make`",
                "b.rs:1: must not call `kit_types::Seal::make`",
                "checks/callers.rs CAPABILITIES in xtask: `gone.rs` does not call `kit_types::Seal::make`",
            ]
        );
    }
}
