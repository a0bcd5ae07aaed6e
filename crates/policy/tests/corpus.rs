//! What the fuzz targets have found, and what they start from, once more. `make fuzz` looks for more.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may break")]

#[path = "../../../fuzz/probes/cached.rs"]
mod cached;
#[path = "../../../fuzz/probes/condition.rs"]
mod condition;
#[path = "../../../fuzz/probes/manifest.rs"]
mod manifest;

use std::path::PathBuf;

fn replay(target: &str, probe: fn(&[u8])) {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        probe(&std::fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0, "the corpus of `{target}` is empty");
}

#[test]
fn manifests_that_were_found_once_are_read_or_refused_with_a_place() {
    replay("manifest", manifest::run);
}

#[test]
fn conditions_that_were_found_once_are_refused_or_decided_the_same_on_both_paths() {
    replay("condition", condition::run);
}

#[test]
fn cached_values_that_were_found_once_are_read_the_same_or_missed() {
    replay("cached", cached::run);
}

#[test]
fn the_shipped_manifests_pass_the_probe() {
    let products = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../products");
    for file in std::fs::read_dir(products).unwrap() {
        manifest::run(&std::fs::read(file.unwrap().path()).unwrap());
    }
}
