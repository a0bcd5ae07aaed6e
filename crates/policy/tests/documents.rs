//! `docs/products.md` names keys of manifests, RPCs and scenarios: each of them is there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

use std::path::PathBuf;

use serde_json::Value as Json;

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between backticks, with the number of its line.
fn words(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(n, line)| {
            let quoted = line.split('`').skip(1).step_by(2);
            quoted.map(move |word| (n + 1, word))
        })
        .collect()
}

/// Whether a key path leads anywhere; its last step may be an item of a list.
fn leads(manifest: &Json, path: &str) -> bool {
    let mut at = manifest;
    for key in path.split('.') {
        at = match at {
            Json::Object(map) => match map.get(key) {
                Some(next) => next,
                None => return false,
            },
            Json::Array(items) => match items.iter().find(|item| item.as_str() == Some(key)) {
                Some(item) => item,
                None => return false,
            },
            _ => return false,
        };
    }
    true
}

#[test]
fn every_key_of_a_manifest_that_the_documentation_names_is_there() {
    let text = read("docs/products.md");
    let mut checked = 0;
    for section in text.split("\n## ").skip(1) {
        let name = section.lines().next().unwrap().to_lowercase().replace(' ', "-");
        let manifest: Json = serde_saphyr::from_str(&read(&format!("products/{name}.yaml"))).unwrap();
        for (line, word) in words(section) {
            let first = word.split('.').next().unwrap_or_default();
            let named = ["types", "roles", "levels", "settings", "subjects", "services"].contains(&first);
            let of_suite = matches!(word, "settings.view" | "settings.edit");
            if named && word.contains('.') && !of_suite {
                assert!(
                    leads(&manifest, word),
                    "{name}, line {line}: `{word}` leads nowhere"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked} keys");
}

#[test]
fn every_method_that_the_documentation_names_is_there() {
    let text = read("docs/products.md");
    let mut protos = String::new();
    for service in ["authorization", "common", "events", "identity", "tenancy"] {
        for file in std::fs::read_dir(repository(&format!("proto/bailiwick/{service}/v1"))).unwrap() {
            protos += &std::fs::read_to_string(file.unwrap().path()).unwrap();
        }
    }
    let mut checked = 0;
    for (line, word) in words(&text) {
        if let Some((service, method)) = word.split_once("Service/") {
            let there = protos
                .split(&format!("\nservice {service}Service {{"))
                .nth(1)
                .and_then(|body| body.split("\n}").next())
                .is_some_and(|body| body.contains(&format!("  rpc {method}(")));
            assert!(there, "line {line}: `{word}` is no method");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked} methods");
}

#[test]
fn every_scenario_that_the_documentation_names_is_there() {
    let text = read("docs/products.md");
    for (line, word) in words(&text) {
        if std::path::Path::new(&word)
            .extension()
            .is_some_and(|ending| ending == "yaml")
        {
            let path = repository(&format!("tests/scenarios/{word}"));
            assert!(path.exists(), "line {line}: `{word}` is no scenario");
        }
    }
}
