//! What a person meets on the command line.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

use bailiwick_testkit::golden;
use support::{Embedded, OPERATOR, bailiwick, root, run, text};

#[test]
fn the_schema_of_the_configuration_changes_only_on_purpose() {
    let came = run(&["config", "schema"]);
    assert!(came.status.success(), "{}", text(&came));
    golden(
        root().join("tests/golden/config.schema.json"),
        &String::from_utf8(came.stdout).unwrap(),
    );
}

#[test]
fn an_unknown_key_is_refused_and_named_with_where_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bailiwick.toml");
    std::fs::write(&file, "[server]\nlisen = \"127.0.0.1:7600\"\n").unwrap();
    let came = bailiwick()
        .args(["config", "check", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(came.status.code(), Some(2));
    let said = text(&came);
    assert!(
        said.contains("`server.lisen`") && said.contains("bailiwick.toml"),
        "{said}"
    );

    let came = bailiwick()
        .args(["config", "check"])
        .env("BAILIWICK__SERVER__LISEN", "x")
        .output()
        .unwrap();
    assert_eq!(came.status.code(), Some(2));
    assert!(
        text(&came).contains("BAILIWICK__SERVER__LISEN"),
        "{}",
        text(&came)
    );
}

#[test]
fn a_secret_is_read_from_a_file_and_never_printed() {
    let directory = tempfile::tempdir().unwrap();
    let secret = "a-secret-that-nobody-prints-0123456789";
    let file = directory.path().join("key");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let came = bailiwick()
        .args(["config", "check", "--data-dir"])
        .arg(directory.path())
        .env("BAILIWICK__INTERNAL__KEY__FILE", &file)
        .env(
            "BAILIWICK__DATABASE__IDENTITY__URL",
            format!("postgres://u:{secret}@h/d"),
        )
        .output()
        .unwrap();
    assert!(came.status.success(), "{}", text(&came));
    assert!(!text(&came).contains(secret), "{}", text(&came));
}

#[test]
fn every_command_explains_itself() {
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["migrate", "--help"],
        &["operator", "create", "--help"],
        &["apply", "--help"],
        &["check", "--help"],
        &["test", "--help"],
        &["demo", "--help"],
        &["config", "schema", "--help"],
    ] {
        let came = run(command);
        assert!(
            came.status.success() && text(&came).contains("Usage: bailiwick"),
            "{command:?}: {}",
            text(&came)
        );
    }
    let came = run(&["completions", "bash"]);
    assert!(came.status.success() && text(&came).contains("_bailiwick"));
    let came = run(&["version", "--output", "json"]);
    assert!(
        text(&came).contains(&format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"))),
        "{}",
        text(&came)
    );
}

#[test]
fn the_first_operator_is_made_once_and_its_password_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("password");
    let create = || {
        bailiwick()
            .args([
                "operator",
                "create",
                "--email",
                "op@example.com",
                "--password-out",
            ])
            .arg(&out)
            .arg("--data-dir")
            .arg(directory.path().join("data"))
            .output()
            .unwrap()
    };
    let came = create();
    assert!(came.status.success(), "{}", text(&came));
    assert_eq!(
        std::fs::metadata(&out).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let password = std::fs::read_to_string(&out).unwrap();
    assert!(password.trim().len() >= 20 && !text(&came).contains(password.trim()));
    std::fs::remove_file(&out).unwrap();
    let again = create();
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));
    assert!(!out.exists(), "a refused act leaves no file behind");
}

#[test]
fn the_demo_shows_decisions_as_a_table_and_how_to_go_on() {
    let came = run(&["demo", "--once", "--listen", "127.0.0.1:0"]);
    let said = text(&came);
    assert!(came.status.success(), "{said}");
    for word in ["allow", "deny", "grpcurl", "bailiwick check"] {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_a_manifest_tells_what_would_be_and_does_nothing() {
    let suite = Embedded::start().await;
    let secret = suite.directory.path().join("operator-password");
    let apply = |arguments: &[&str]| {
        bailiwick()
            .arg("apply")
            .args(arguments)
            .env("BAILIWICK_ENDPOINT", format!("http://127.0.0.1:{}", suite.port))
            .env("BAILIWICK_EMAIL", OPERATOR)
            .env("BAILIWICK_PASSWORD_FILE", &secret)
            .output()
            .unwrap()
    };
    let came = apply(&["one-question"]);
    assert!(came.status.success(), "{}", text(&came));
    let came = apply(&["one-question", "--preview"]);
    assert!(
        text(&came).contains("nothing would change: version 1"),
        "{}",
        text(&came)
    );
    let manifest = std::fs::read_to_string(root().join("products/one-question.yaml")).unwrap();
    let changed = suite.directory.path().join("changed.yaml");
    let without = manifest.replacen("          - feedback.reply\n", "", 1);
    assert_ne!(manifest, without);
    std::fs::write(&changed, without).unwrap();
    let changed = changed.to_str().unwrap();
    for _ in 0..2 {
        let came = apply(&[changed, "--preview"]);
        let said = text(&came);
        assert!(came.status.success(), "{said}");
        assert!(said.contains("would become version 2"), "{said}");
        assert!(
            said.contains("nobody gains or loses anything"),
            "there is no account: {said}"
        );
    }
    let came = apply(&[changed, "--preview", "--output", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&came.stdout).unwrap();
    assert_eq!(told["version"], 2);
    assert_eq!(apply(&[changed, "--preview", "--dry-run"]).status.code(), Some(2));
}
