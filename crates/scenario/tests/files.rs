//! The scenario files of the repository: they can be read, and the acceptance ones are the shared ones,
//! unchanged.

#![allow(clippy::expect_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use bailiwick_scenario::Scenario;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the workspace")
}

fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_of_the_repository_can_be_run() {
    let scenarios = root().join("tests/scenarios");
    let mut files = yaml_files(&scenarios);
    assert!(files.len() >= 4, "the acceptance scenarios are missing");
    files.extend(yaml_files(&scenarios.join("more")));
    for file in files {
        let scenario = Scenario::read(&file).unwrap_or_else(|unusable| panic!("{unusable}"));
        assert!(scenario.steps() > 0, "{} has no steps", file.display());
    }
}

#[test]
fn the_acceptance_scenarios_are_the_shared_ones_unchanged() {
    let shared = root().join("../shared/acceptance");
    if !shared.is_dir() {
        eprintln!(
            "SKIPPED: {} is not there, so nothing is compared",
            shared.display()
        );
        return;
    }
    let names = |directory: &Path| -> Vec<_> {
        yaml_files(directory)
            .iter()
            .filter_map(|path| path.file_name().map(ToOwned::to_owned))
            .collect()
    };
    let ours = root().join("tests/scenarios");
    assert_eq!(names(&ours), names(&shared));
    for name in names(&shared) {
        let (kept, theirs) = (fs::read(ours.join(&name)), fs::read(shared.join(&name)));
        assert_eq!(
            kept.expect("ours"),
            theirs.expect("theirs"),
            "{} was changed",
            name.display()
        );
    }
}
